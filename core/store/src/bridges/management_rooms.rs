//! Management rooms: where a user talks to a bridge's bot.

use crate::{Statement, Store, StoreError, values};

pub fn put(bridge: &str, room_id: &str, user_id: &str) -> Statement {
    Statement::new(
        "insert into bridge_management_rooms (bridge, room_id, user_id) values ($1, $2, $3) \
         on conflict (bridge, room_id) do update set user_id = excluded.user_id",
        values![bridge, room_id, user_id],
    )
}

pub fn remove(bridge: &str, room_id: &str) -> Statement {
    Statement::new("delete from bridge_management_rooms where bridge = $1 and room_id = $2", values![bridge, room_id])
}

/// `(room id, user id)`
pub async fn of_bridge(store: &Store, bridge: &str) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "select room_id, user_id from bridge_management_rooms where bridge = $1 order by room_id";
    store.fetch(sql, values![bridge]).await?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}
