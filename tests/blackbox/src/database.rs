//! The two databases every scenario can run on.

use std::sync::Arc;

use anyhow::{Result, bail};
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
    server: Option<Arc<Postgres>>,
}

impl Place {
    /// Ends every connection to it.
    pub fn cut_off(&self) -> Result<()> {
        let (Some(url), Some(server)) = (&self.url, &self.server) else { bail!("SQLite has no connections") };
        server.cut_off(url)
    }
}

impl Database {
    /// A new empty one.
    pub fn place(self) -> Result<Place> {
        Ok(match self {
            Self::Sqlite => Place { url: None, server: None },
            Self::Postgres => {
                let server = Postgres::shared()?;
                Place { url: Some(server.database()?), server: Some(server) }
            }
        })
    }
}
