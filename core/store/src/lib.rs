//! The ground: SQLite and PostgreSQL behind one type. The only crate with SQL.
//!
//! Reads go through [`Store::fetch`]; every write is a [`Commit`] and goes through the group committer.

mod commit;
mod log;
mod value;

pub use commit::*;
pub use log::*;
pub use value::*;

/// New events of one room with their state, extremities and expected head.
pub struct Append {}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database does not answer")]
    Driver(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("inconsistent data: {what}")]
    Inconsistent {
        what: String,
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// Both databases behind one type.
pub struct Store {}

impl Store {
    /// Rows of a read; never holds a transaction.
    pub async fn fetch(&self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let _ = (sql, args);
        todo!()
    }

    /// Commits together with whoever waits at the same moment; returns when it is on disk.
    pub async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let _ = commit;
        todo!()
    }

    /// Group commits from now on, in order.
    pub fn watch(&self) -> tokio::sync::broadcast::Receiver<std::sync::Arc<Group>> {
        todo!()
    }
}
