//! Which database, and how.

use std::fmt;
use std::path::PathBuf;

/// Where the data is.
#[derive(Clone)]
pub struct StoreConfig {
    pub database: Database,
    /// connections that read; writes have one of their own
    pub readers: u32,
}

#[derive(Clone)]
pub enum Database {
    /// made when missing
    Sqlite { path: PathBuf, synchronous: Synchronous },
    /// A libpq URL; it may hold a password, so it never appears in `Debug`.
    Postgres { url: String },
}

/// SQLite's `synchronous`: what a power cut may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// every acknowledged commit survives a power cut
    #[default]
    Full,
    /// the last commits may be lost in a power cut, but not in a crash of the process
    Normal,
}

#[derive(Debug, thiserror::Error)]
#[error("database URL must begin with sqlite:// or postgres://")]
pub struct UnknownDatabase;

impl StoreConfig {
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self { database: Database::Sqlite { path: path.into(), synchronous: Synchronous::Full }, readers: 4 }
    }

    pub fn postgres(url: impl Into<String>) -> Self {
        Self { database: Database::Postgres { url: url.into() }, readers: 8 }
    }

    /// `sqlite:///var/lib/causeway/causeway.db` or `postgres://user:password@host/name`.
    pub fn from_url(url: &str) -> Result<Self, UnknownDatabase> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            Ok(Self::sqlite(path))
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Ok(Self::postgres(url))
        } else {
            Err(UnknownDatabase)
        }
    }
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.database {
            Database::Sqlite { path, .. } => write!(f, "sqlite://{}", path.display()),
            Database::Postgres { .. } => f.write_str("postgres://…"),
        }
    }
}
