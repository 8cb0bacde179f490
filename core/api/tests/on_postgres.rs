//! The endpoints on PostgreSQL.

mod endpoints;

use std::path::Path;
use std::sync::Arc;

use causeway_emulators::postgres::Postgres;
use causeway_store::StoreConfig;

/// A new database, there as long as this value.
pub struct Database {
    config: StoreConfig,
    _server: Arc<Postgres>,
}

impl Database {
    pub fn new(_: &Path) -> Self {
        let server = Postgres::shared().expect("a server of PostgreSQL 15");
        let url = server.database().expect("a new database");
        Self { config: StoreConfig::postgres(url), _server: server }
    }

    pub fn config(&self) -> StoreConfig {
        self.config.clone()
    }
}
