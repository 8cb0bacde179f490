//! Key-values and durable timers of plugins. Secrets come sealed: what is stored here is never their text.

use crate::{Statement, Store, StoreError, values};

pub fn put(bridge: &str, login: &str, secret: bool, name: &str, value: &[u8]) -> Statement {
    Statement::new(
        "insert into bridge_kv (bridge, login, secret, name, value) values ($1, $2, $3, $4, $5) \
         on conflict (bridge, login, secret, name) do update set value = excluded.value",
        values![bridge, login, secret, name, value],
    )
}

pub fn delete(bridge: &str, login: &str, secret: bool, name: &str) -> Statement {
    Statement::new(
        "delete from bridge_kv where bridge = $1 and login = $2 and secret = $3 and name = $4",
        values![bridge, login, secret, name],
    )
}

pub async fn get(
    store: &Store,
    bridge: &str,
    login: &str,
    secret: bool,
    name: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "select value from bridge_kv where bridge = $1 and login = $2 and secret = $3 and name = $4";
    store.fetch(sql, values![bridge, login, secret, name]).await?.first().map(|row| row.get(0)).transpose()
}

/// From `from` (after it, when `exclusive`) to before `to` (absent: no end), in order, at most `limit`.
pub async fn range(
    store: &Store,
    (bridge, login, secret): (&str, &str, bool),
    (from, exclusive): (&str, bool),
    to: Option<&str>,
    limit: u32,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let sql = "select name, value from bridge_kv where bridge = $1 and login = $2 and secret = $3 and name >= $4 \
               and (name > $5 or $6 = 0) and (name < $7 or $8 = 1) order by name limit $9";
    let args = values![
        bridge,
        login,
        secret,
        from,
        from,
        i64::from(exclusive),
        to.unwrap_or_default(),
        i64::from(to.is_none()),
        i64::from(limit)
    ];
    store.fetch(sql, args).await?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Bytes of names and values.
pub async fn size(store: &Store, bridge: &str, login: &str) -> Result<u64, StoreError> {
    let sql = "select cast(coalesce(sum(length(name) + length(value)), 0) as bigint) from bridge_kv \
               where bridge = $1 and login = $2";
    let rows = store.fetch(sql, values![bridge, login]).await?;
    let size: i64 = rows.first().map(|row| row.get(0)).transpose()?.unwrap_or(0);
    Ok(size.unsigned_abs())
}

/// `due_at` in milliseconds since the Unix epoch; replaces the timer of the same name.
pub fn put_timer(bridge: &str, login: &str, name: &str, due_at: i64) -> Statement {
    Statement::new(
        "insert into bridge_timers (bridge, login, name, due_at) values ($1, $2, $3, $4) \
         on conflict (bridge, login, name) do update set due_at = excluded.due_at",
        values![bridge, login, name, due_at],
    )
}

pub fn delete_timer(bridge: &str, login: &str, name: &str) -> Statement {
    Statement::new(
        "delete from bridge_timers where bridge = $1 and login = $2 and name = $3",
        values![bridge, login, name],
    )
}

pub async fn timers(store: &Store, bridge: &str, login: &str) -> Result<Vec<(String, i64)>, StoreError> {
    let sql = "select name, due_at from bridge_timers where bridge = $1 and login = $2 order by due_at";
    store.fetch(sql, values![bridge, login]).await?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}
