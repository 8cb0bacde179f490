//! One process writes to a PostgreSQL database, and it knows all that was committed.
//!
//! When a hub dies, the server's process for it may still be about to commit what it was sent last. A hub that began
//! before that would never announce those events, and destinations would not get them: so it waits for the lock that
//! every writer's connection holds, which the server gives up only when nothing more can come.
//!
//! A hub that lost its connection may find that another one has written since. What it has in memory is of the past
//! then, the serials of its transactions too: it must end. So each hub that begins writes down a term of its own, and
//! whoever connects again looks whether that is still the last.

use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _};

use crate::StoreError;

/// Any number, the same in every process.
const LOCK: i64 = 4_771_652;
/// For what is left of the hub before: one commit, and the server's notice of a client that is gone (25 s, see below).
pub const PATIENCE: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(20);

const BEGIN: &str = "insert into counters (name, value) values ('hub', $1) \
    on conflict (name) do update set value = excluded.value";
const LAST: &str = "select value from counters where name = 'hub'";

/// The connection that a hub writes by.
#[derive(Clone, Copy)]
pub struct Tenure {
    /// the server's process for it
    pub backend: i32,
    /// what this hub wrote down when it began
    pub term: i64,
}

/// Connects, and waits until nobody else can write. `before` is what this connection replaces. Answers the connection
/// and the server's process for it.
pub async fn connect(
    options: &PgConnectOptions,
    before: Option<Tenure>,
    patience: Duration,
) -> Result<(PgConnection, i32), StoreError> {
    let mut connection = options.connect().await?;
    // A hub whose machine is gone says nothing more; the server is to notice that in seconds, not in hours.
    for keepalive in ["tcp_keepalives_idle = 10", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 3"] {
        connection.execute(AssertSqlSafe(format!("set {keepalive}"))).await?;
    }
    if let Some(before) = before {
        let end = "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid::int8 = $1 \
            and pid = $2 and database = (select oid from pg_database where datname = current_database())";
        sqlx::query(end).bind(LOCK).bind(before.backend).execute(&mut connection).await?;
    }
    let begun = Instant::now();
    let mut waits = false;
    loop {
        let row = sqlx::query("select pg_try_advisory_lock($1), pg_backend_pid()")
            .bind(LOCK)
            .fetch_one(&mut connection)
            .await?;
        // Looked at with the lock or without it: who has written down a term has it for good.
        if let Some(before) = before
            && last_term(&mut connection).await? != Some(before.term)
        {
            connection.close().await?;
            return Err(StoreError::Superseded);
        }
        if row.try_get(0)? {
            return Ok((connection, row.try_get(1)?));
        }
        if begun.elapsed() >= patience {
            connection.close().await?;
            let name = options.get_database().unwrap_or("its user's");
            return Err(StoreError::Occupied(format!("{name} at {}", options.get_host())));
        }
        if !waits {
            waits = true;
            tracing::warn!("another hub writes to this database; waiting {patience:?} for its end");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Writes down the term of a hub that begins. It must have the lock.
pub async fn begin_term(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let term = i64::from(rand::random::<u32>()) << 31 | i64::from(rand::random::<u32>() >> 1);
    sqlx::query(BEGIN).bind(term).execute(connection).await?;
    Ok(term)
}

async fn last_term(connection: &mut PgConnection) -> Result<Option<i64>, StoreError> {
    let row = sqlx::query(LAST).fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}
