//! One suite for both databases.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod backups;
mod commits;
mod events;
mod outages;
mod queues;

use std::sync::Arc;

use causeway_emulators::postgres::Postgres;
use causeway_store::{Store, StoreConfig};
use tempfile::TempDir;

/// A database that can be opened again.
pub struct Fixture {
    pub config: StoreConfig,
    _keeps: Keeps,
}

/// What must outlive the test.
enum Keeps {
    Directory(#[expect(dead_code)] TempDir),
    Server(#[expect(dead_code)] Arc<Postgres>),
}

impl Fixture {
    pub fn sqlite() -> Self {
        let directory = TempDir::new().unwrap();
        Self { config: StoreConfig::sqlite(directory.path().join("causeway.db")), _keeps: Keeps::Directory(directory) }
    }

    pub fn postgres() -> Self {
        let server = Postgres::shared().unwrap();
        Self { config: StoreConfig::postgres(server.database().unwrap()), _keeps: Keeps::Server(server) }
    }

    /// A new one of the same kind.
    pub fn another(&self) -> Self {
        match self._keeps {
            Keeps::Directory(_) => Self::sqlite(),
            Keeps::Server(_) => Self::postgres(),
        }
    }

    pub async fn open(&self) -> Store {
        Store::open(self.config.clone()).await.unwrap()
    }
}

/// Makes of each `async fn case(fixture)` two tests, one for each database.
#[macro_export]
macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case($crate::Fixture::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case($crate::Fixture::postgres()).await;
            })*
        }
    };
}
