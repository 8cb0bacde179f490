//! Events of whose end the sender is told in any case: they were told that it waits, or have asked for another try.

use crate::{Statement, Store, StoreError, values};

pub fn insert(bridge: &str, login: &str, event_id: &str) -> Statement {
    Statement::new(
        "insert into bridge_awaited_ends (bridge, login, event_id) values ($1, $2, $3) on conflict do nothing",
        values![bridge, login, event_id],
    )
}

pub fn delete(bridge: &str, login: &str, event_id: &str) -> Statement {
    Statement::new(
        "delete from bridge_awaited_ends where bridge = $1 and login = $2 and event_id = $3",
        values![bridge, login, event_id],
    )
}

/// `(login, event id)`
pub async fn of_bridge(store: &Store, bridge: &str) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "select login, event_id from bridge_awaited_ends where bridge = $1 order by login, event_id";
    store.fetch(sql, values![bridge]).await?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}
