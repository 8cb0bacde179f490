//! The ground: SQLite and PostgreSQL behind one type. The only crate with SQL.
//!
//! Reads go through [`Store::fetch`]; every write is a [`Commit`] and goes through the group committer.

mod commit;
mod dead_letters;
mod destinations;
mod exceptions;
mod log;
mod registrations;
mod transactions;
mod value;

pub use commit::*;
pub use dead_letters::*;
pub use destinations::*;
pub use exceptions::*;
pub use log::*;
pub use registrations::*;
pub use transactions::*;
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
#[derive(Clone)]
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

/// What the router reads of the log.
impl Store {
    /// Live entries after a position that a destination is interested in, in order, at most `limit`.
    pub async fn log_interested(
        &self,
        destination: DestinationNid,
        after: Position,
        limit: usize,
    ) -> Result<Vec<std::sync::Arc<Entry>>, StoreError> {
        let _ = (destination, after, limit);
        todo!()
    }

    /// How many of them there are.
    pub async fn count_interested(&self, destination: DestinationNid, after: Position) -> Result<u64, StoreError> {
        let _ = (destination, after);
        todo!()
    }

    /// Entries by event; those that are gone are left out.
    pub async fn entries(&self, events: &[EventNid]) -> Result<Vec<std::sync::Arc<Entry>>, StoreError> {
        let _ = events;
        todo!()
    }

    /// The members of an interest set; from memory but for the first time.
    pub async fn interest(&self, interest: InterestNid) -> Result<std::sync::Arc<[DestinationNid]>, StoreError> {
        let _ = interest;
        todo!()
    }

    /// The number of a destination's name, for good.
    pub async fn intern_destination(&self, id: &str) -> Result<DestinationNid, CommitError> {
        let _ = id;
        todo!()
    }
}
