//! A database's copy, made while a hub writes to it, and the way back.
//!
//! A copy is one moment of the database: of SQLite a database file (`VACUUM INTO`), of PostgreSQL a file for each table
//! (`COPY … TO` in one snapshot). It is loaded by the same program or a newer one, which brings it up to its migrations.
//! What is loaded is of the past, so it is [renewed](renew) before anybody sees it.

mod postgres;
mod renew;
mod sqlite;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Database, Position, StoreConfig, StoreError};

/// What is known of a copy besides its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseCopy {
    pub kind: DatabaseKind,
    /// names, in order
    pub migrations: Vec<String>,
    /// all of the log up to here is in it
    pub position: Position,
    pub files: Vec<CopiedFile>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseKind {
    Sqlite,
    Postgres,
}

/// A file of a copy, in its folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedFile {
    pub name: String,
    pub bytes: u64,
    /// in hex
    pub sha256: String,
}

/// What is there where a copy is to be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Present {
    Nothing,
    /// a hub's database
    Hub,
}

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{path}")]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{0} is damaged: it is not what was written; take another backup")]
    Damaged(PathBuf),
    #[error("the backup is of a {backup} database, and the config names a {config} one; name one of the same kind")]
    OtherKind { backup: DatabaseKind, config: DatabaseKind },
    #[error("the database has tables that are no hub's; name an empty database")]
    Foreign,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for BackupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl std::fmt::Display for DatabaseKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// Copies a database, whether a hub runs on it or not, into an empty folder.
pub async fn copy_database(config: &StoreConfig, folder: &Path) -> Result<DatabaseCopy, BackupError> {
    match &config.database {
        Database::Sqlite { path, .. } => sqlite::copy(path, folder).await,
        Database::Postgres { url } => postgres::copy(url, folder).await,
    }
}

/// What is where [`load_database`] would write. Changes nothing.
pub async fn present_database(config: &StoreConfig) -> Result<Present, BackupError> {
    match &config.database {
        Database::Sqlite { path, .. } => sqlite::present(path),
        Database::Postgres { url } => postgres::present(url).await,
    }
}

/// Whether a copy is whole, and this program can load it into a database like this one.
pub fn check_copy(config: &StoreConfig, copy: &DatabaseCopy, folder: &Path) -> Result<(), BackupError> {
    let kind = match config.database {
        Database::Sqlite { .. } => DatabaseKind::Sqlite,
        Database::Postgres { .. } => DatabaseKind::Postgres,
    };
    if copy.kind != kind {
        return Err(BackupError::OtherKind { backup: copy.kind, config: kind });
    }
    crate::migrate::check_known(&copy.migrations)?;
    for file in &copy.files {
        // A file of the copy's own folder, whatever its list says.
        if file.name.contains(['/', '\\']) || describe(folder, &file.name)? != *file {
            return Err(BackupError::Damaged(folder.join(&file.name)));
        }
    }
    Ok(())
}

/// Puts a copy in the place of what is there, and renews it. Until that is done, what was there stays. Answers where what
/// was there is kept, if it is.
///
/// # Errors
/// [`StoreError::Occupied`] while a hub runs on the database.
pub async fn load_database(
    config: &StoreConfig,
    copy: &DatabaseCopy,
    folder: &Path,
) -> Result<Option<PathBuf>, BackupError> {
    check_copy(config, copy, folder)?;
    match &config.database {
        Database::Sqlite { path, .. } => sqlite::load(path, copy, folder).await,
        Database::Postgres { url } => postgres::load(url, copy, folder).await.map(|()| None),
    }
}

fn describe(folder: &Path, name: &str) -> Result<CopiedFile, BackupError> {
    let path = folder.join(name);
    let failed = failed(&path);
    let mut file = File::open(&path).map_err(&failed)?;
    let (mut bytes, mut hash, mut block) = (0, Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut block).map_err(&failed)? {
            0 => break,
            count => {
                bytes += count as u64;
                hash.update(&block[..count]);
            }
        }
    }
    Ok(CopiedFile { name: name.to_owned(), bytes, sha256: hex::encode(hash.finalize()) })
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::File { path: path.clone(), source }
}
