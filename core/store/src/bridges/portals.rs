//! Portals: the rooms that stand for remote chats, and the logins that see each chat.

use crate::{Statement, Store, StoreError, Value, values};

/// `info` is JSON; `room_id` is absent until the room is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalRow {
    pub bridge: String,
    pub id: String,
    pub receiver: String,
    pub room_id: Option<String>,
    pub info: String,
    /// the login that was last believed here, on networks without message ids
    pub listener: Option<String>,
}

/// Files a chat whose room isn't made yet; one that is known stays as it is.
pub fn file(bridge: &str, id: &str, receiver: &str, info: &str) -> Statement {
    Statement::new(
        "insert into bridge_portals (bridge, id, receiver, info) values ($1, $2, $3, $4) on conflict do nothing",
        values![bridge, id, receiver, info],
    )
}

pub fn set_room(bridge: &str, id: &str, receiver: &str, room_id: Option<&str>) -> Statement {
    Statement::new(
        "update bridge_portals set room_id = $1 where bridge = $2 and receiver = $3 and id = $4",
        values![room_id, bridge, receiver, id],
    )
}

/// Of the room that this commit makes.
pub fn set_new_room(bridge: &str, id: &str, receiver: &str) -> Statement {
    Statement::new(
        "update bridge_portals set room_id = $1 where bridge = $2 and receiver = $3 and id = $4",
        vec![Value::RoomId, bridge.into(), receiver.into(), id.into()],
    )
}

pub fn set_info(bridge: &str, id: &str, receiver: &str, info: &str) -> Statement {
    Statement::new(
        "update bridge_portals set info = $1 where bridge = $2 and receiver = $3 and id = $4",
        values![info, bridge, receiver, id],
    )
}

pub fn set_listener(bridge: &str, id: &str, receiver: &str, listener: Option<&str>) -> Statement {
    Statement::new(
        "update bridge_portals set listener = $1 where bridge = $2 and receiver = $3 and id = $4",
        values![listener, bridge, receiver, id],
    )
}

pub fn add_login(bridge: &str, id: &str, receiver: &str, login: &str) -> Statement {
    Statement::new(
        "insert into bridge_portal_logins (bridge, portal, receiver, login) values ($1, $2, $3, $4) on conflict do nothing",
        values![bridge, id, receiver, login],
    )
}

pub fn remove_login(bridge: &str, id: &str, receiver: &str, login: &str) -> Statement {
    Statement::new(
        "delete from bridge_portal_logins where bridge = $1 and receiver = $2 and portal = $3 and login = $4",
        values![bridge, receiver, id, login],
    )
}

pub async fn of_bridge(store: &Store, bridge: &str) -> Result<Vec<PortalRow>, StoreError> {
    let sql = "select bridge, id, receiver, room_id, info, listener from bridge_portals where bridge = $1 \
               order by receiver, id";
    store
        .fetch(sql, values![bridge])
        .await?
        .iter()
        .map(|row| {
            Ok(PortalRow {
                bridge: row.get(0)?,
                id: row.get(1)?,
                receiver: row.get(2)?,
                room_id: row.get(3)?,
                info: row.get(4)?,
                listener: row.get(5)?,
            })
        })
        .collect()
}

/// `(portal id, receiver, login)` of all places that logins have in portals.
pub async fn logins_of_bridge(store: &Store, bridge: &str) -> Result<Vec<(String, String, String)>, StoreError> {
    let sql =
        "select portal, receiver, login from bridge_portal_logins where bridge = $1 order by receiver, portal, login";
    store.fetch(sql, values![bridge]).await?.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
}
