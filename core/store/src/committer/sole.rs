//! One process writes to a PostgreSQL database, and it knows all that was committed.
//!
//! When a hub dies, the server's process for it may still be about to commit what it was sent last. A hub that began
//! before that would never announce those events, and destinations would not get them: so it waits for the lock that
//! every writer's connection holds, which the server gives up only when nothing more can come.

use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _};

use crate::StoreError;

/// Any number, the same in every process.
const LOCK: i64 = 4_771_652;
/// For what is left of the hub before: one commit, and the server's notice of a client that is gone.
const PATIENCE: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_millis(20);

/// Connects, and waits until nobody else can write. `before` is the server's process for the connection that this one
/// replaces. Answers the connection and its own process.
pub async fn connect(options: &PgConnectOptions, before: Option<i32>) -> Result<(PgConnection, i32), StoreError> {
    let mut connection = options.connect().await?;
    // A hub whose machine is gone says nothing more; the server is to notice that in seconds, not in hours.
    for keepalive in ["tcp_keepalives_idle = 10", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 3"] {
        connection.execute(AssertSqlSafe(format!("set {keepalive}"))).await?;
    }
    if let Some(before) = before {
        let end = "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid::int8 = $1 \
            and pid = $2 and database = (select oid from pg_database where datname = current_database())";
        sqlx::query(end).bind(LOCK).bind(before).execute(&mut connection).await?;
    }
    let begun = Instant::now();
    loop {
        let row = sqlx::query("select pg_try_advisory_lock($1), pg_backend_pid()")
            .bind(LOCK)
            .fetch_one(&mut connection)
            .await?;
        if row.try_get(0)? {
            return Ok((connection, row.try_get(1)?));
        }
        if begun.elapsed() > PATIENCE {
            connection.close().await?;
            return Err(StoreError::inconsistent("another hub writes to this database; stop it first"));
        }
        tokio::time::sleep(AGAIN).await;
    }
}
