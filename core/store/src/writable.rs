//! Whether a database that can be read can be written too.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};

use crate::{Database, StoreConfig, StoreError};

const IS_STANDBY: &str = "select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on'";

/// Asks for the right to write, and changes nothing. False: it is a standby or set to read-only.
///
/// # Errors
/// When it cannot be opened; on SQLite also when its file or folder cannot be written.
pub async fn is_writable(config: &StoreConfig) -> Result<bool, StoreError> {
    match &config.database {
        Database::Sqlite { path, .. } => {
            let options = SqliteConnectOptions::new().filename(path).create_if_missing(false);
            let mut connection = SqliteConnection::connect_with(&options).await?;
            connection.execute("begin immediate").await?;
            connection.execute("rollback").await?;
            connection.close().await?;
            Ok(true)
        }
        Database::Postgres { url } => {
            let mut connection = PgConnection::connect(url).await?;
            let is_standby: bool = sqlx::query_scalar(IS_STANDBY).fetch_one(&mut connection).await?;
            connection.close().await?;
            Ok(!is_standby)
        }
    }
}
