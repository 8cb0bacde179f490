//! Connections that read.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, Executor as _};

use crate::committer::{PostgresWriter, SqliteWriter, Writer};
use crate::{Database, Row, StoreConfig, StoreError, Synchronous, Value};

/// Longer than any checkpoint; a writer that waits longer is stuck behind another process.
const BUSY: Duration = Duration::from_secs(10);
const ACQUIRE: Duration = Duration::from_secs(10);
/// A connection to a server that nobody has used for so long is asked whether it still is one; one of SQLite always is.
const PROVEN: Duration = Duration::from_secs(1);
/// PostgreSQL reckons with disks that turn, and would rather sort all that waits for somebody than walk along an index.
pub(crate) const SETTING: &str = "set random_page_cost = 1.1";
/// Statements kept prepared by each connection.
const STATEMENTS: usize = 256;
/// Results of a whole group fit, so that SQLite's thread never waits for ours.
const ROW_BUFFER: usize = 4096;

pub(crate) enum Readers {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

pub(crate) async fn open(config: &StoreConfig) -> Result<(Readers, Writer), StoreError> {
    match &config.database {
        Database::Sqlite { path, synchronous } => {
            let options = SqliteConnectOptions::new()
                .filename(path)
                .create_if_missing(true)
                .page_size(4096)
                .auto_vacuum(SqliteAutoVacuum::Incremental)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(match synchronous {
                    Synchronous::Full => SqliteSynchronous::Full,
                    Synchronous::Normal => SqliteSynchronous::Normal,
                })
                .pragma("wal_autocheckpoint", "4000")
                .busy_timeout(BUSY)
                .statement_cache_capacity(STATEMENTS)
                .row_buffer_size(ROW_BUFFER);
            let writer = SqliteWriter::open(options.clone()).await?;
            // Open from the start and for good: on a full disk none can be opened, and reading has to go on.
            let pool = SqlitePoolOptions::new()
                .min_connections(config.readers)
                .max_connections(config.readers)
                .idle_timeout(None)
                .max_lifetime(None)
                .acquire_timeout(ACQUIRE)
                .test_before_acquire(false)
                .connect_with(options.create_if_missing(false).pragma("query_only", "on"))
                .await?;
            Ok((Readers::Sqlite(pool), Writer::Sqlite(writer)))
        }
        Database::Postgres { url } => {
            let options: PgConnectOptions = url.parse()?;
            let options = options.statement_cache_capacity(STATEMENTS).application_name("causeway");
            let writer = PostgresWriter::open(options.clone()).await?;
            let pool = PgPoolOptions::new()
                .max_connections(config.readers)
                .acquire_timeout(ACQUIRE)
                .test_before_acquire(false)
                .after_connect(|connection, _| {
                    Box::pin(async move {
                        connection.execute(SETTING).await?;
                        Ok(())
                    })
                })
                .before_acquire(|connection, used| {
                    Box::pin(async move {
                        if used.idle_for > PROVEN {
                            connection.ping().await?;
                        }
                        Ok(true)
                    })
                })
                .connect_lazy_with(options);
            Ok((Readers::Postgres(pool), Writer::Postgres(writer)))
        }
    }
}

impl Readers {
    pub async fn fetch(&self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(pool) => {
                let mut query = sqlx::query(sql);
                for value in args {
                    query = query.bind(value);
                }
                Ok(query.fetch_all(pool).await?.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(pool) => {
                let mut query = sqlx::query(sql);
                for value in args {
                    query = query.bind(value);
                }
                Ok(query.fetch_all(pool).await?.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}
