//! Ghosts: the Matrix users that stand for remote people.

use crate::{Row, Statement, Store, StoreError, values};

/// `identifiers` is a JSON array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GhostRow {
    pub bridge: String,
    pub ghost: String,
    pub user_id: String,
    pub name: Option<String>,
    /// what the network calls its avatar; a new one means a new download
    pub avatar_id: Option<String>,
    pub avatar_uri: Option<String>,
    pub is_bot: bool,
    pub identifiers: String,
}

pub fn put(ghost: &GhostRow) -> Statement {
    Statement::new(
        "insert into bridge_ghosts (bridge, ghost, user_id, name, avatar_id, avatar_uri, is_bot, identifiers) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (bridge, ghost) do update set name = excluded.name, \
         avatar_id = excluded.avatar_id, avatar_uri = excluded.avatar_uri, is_bot = excluded.is_bot, \
         identifiers = excluded.identifiers",
        values![
            ghost.bridge.as_str(),
            ghost.ghost.as_str(),
            ghost.user_id.as_str(),
            ghost.name.as_deref(),
            ghost.avatar_id.as_deref(),
            ghost.avatar_uri.as_deref(),
            ghost.is_bot,
            ghost.identifiers.as_str()
        ],
    )
}

pub async fn get(store: &Store, bridge: &str, ghost: &str) -> Result<Option<GhostRow>, StoreError> {
    let sql = "select bridge, ghost, user_id, name, avatar_id, avatar_uri, is_bot, identifiers from bridge_ghosts \
               where bridge = $1 and ghost = $2";
    store.fetch(sql, values![bridge, ghost]).await?.first().map(read).transpose()
}

/// The ghost behind a Matrix user id.
pub async fn of_user(store: &Store, user_id: &str) -> Result<Option<GhostRow>, StoreError> {
    let sql = "select bridge, ghost, user_id, name, avatar_id, avatar_uri, is_bot, identifiers from bridge_ghosts \
               where user_id = $1";
    store.fetch(sql, values![user_id]).await?.first().map(read).transpose()
}

fn read(row: &Row) -> Result<GhostRow, StoreError> {
    Ok(GhostRow {
        bridge: row.get(0)?,
        ghost: row.get(1)?,
        user_id: row.get(2)?,
        name: row.get(3)?,
        avatar_id: row.get(4)?,
        avatar_uri: row.get(5)?,
        is_bot: row.get::<i64>(6)? != 0,
        identifiers: row.get(7)?,
    })
}
