//! The endpoints on SQLite.

mod endpoints;

use std::path::Path;

use causeway_store::StoreConfig;

/// A new database, there as long as this value.
pub struct Database(StoreConfig);

impl Database {
    pub fn new(folder: &Path) -> Self {
        Self(StoreConfig::sqlite(folder.join("hub.db")))
    }

    pub fn config(&self) -> StoreConfig {
        self.0.clone()
    }
}
