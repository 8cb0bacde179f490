//! The two databases every scenario can run on.

use std::sync::Arc;

use anyhow::Result;
use causeway_emulators::postgres::Postgres;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// What keeps a database alive and how the hub's config names it.
pub struct Place {
    /// none: SQLite in the hub's folder
    pub url: Option<String>,
    _server: Option<Arc<Postgres>>,
}

impl Database {
    /// A new empty one.
    pub fn place(self) -> Result<Place> {
        Ok(match self {
            Self::Sqlite => Place { url: None, _server: None },
            Self::Postgres => {
                let server = Postgres::shared()?;
                Place { url: Some(server.database()?), _server: Some(server) }
            }
        })
    }
}
