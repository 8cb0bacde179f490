//! One process writes to a SQLite database: it holds a lock on a file beside it, which the system gives up with the
//! process, however that ends.
//!
//! Not on the database itself: closing any other handle of that file would take away SQLite's own locks.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::StoreError;

const AGAIN: Duration = Duration::from_millis(20);

/// Held until it is dropped.
pub(crate) struct LockFile {
    _file: File,
}

impl LockFile {
    /// Waits for whoever is about to end.
    pub async fn take(database: &Path, patience: Duration) -> Result<Self, StoreError> {
        let path = beside(database);
        let failed =
            |source: std::io::Error| StoreError::Driver(format!("locking {}: {source}", path.display()).into());
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if begun.elapsed() >= patience => {
                    return Err(StoreError::Occupied(database.display().to_string()));
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(AGAIN).await,
            }
        }
    }
}

/// Whatever links lead to the database.
fn beside(database: &Path) -> PathBuf {
    let mut path = std::fs::canonicalize(database).unwrap_or_else(|_| database.to_owned()).into_os_string();
    path.push(".lock");
    path.into()
}
