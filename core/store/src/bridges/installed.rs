//! The bridges themselves.

use crate::{Row, Statement, Store, StoreError, values};

/// An installed bridge; `rights`, `config`, `permissions`, `settings`, `relay` and `state` are JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BridgeRow {
    pub id: String,
    /// reverse DNS id of its plugin
    pub plugin: String,
    pub component: String,
    pub sha256: String,
    pub rights: String,
    pub config: String,
    pub permissions: String,
    /// what the engine itself takes from the bridge's config
    pub settings: String,
    /// the login that speaks for users who have none
    pub relay: Option<String>,
    pub enabled: bool,
    /// the last report about the bridge as a whole
    pub state: Option<String>,
    /// milliseconds since the Unix epoch
    pub created_at: i64,
}

/// Loses under `bridge id` when the id is taken.
pub fn insert(bridge: &BridgeRow) -> Statement {
    Statement::new(
        "insert into bridges (id, plugin, component, sha256, rights, config, permissions, settings, relay, enabled, state, \
         created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing",
        values![
            bridge.id.as_str(),
            bridge.plugin.as_str(),
            bridge.component.as_str(),
            bridge.sha256.as_str(),
            bridge.rights.as_str(),
            bridge.config.as_str(),
            bridge.permissions.as_str(),
            bridge.settings.as_str(),
            bridge.relay.as_deref(),
            bridge.enabled,
            bridge.state.as_deref(),
            bridge.created_at
        ],
    )
    .or_lose("bridge id")
}

pub fn set_enabled(id: &str, enabled: bool) -> Statement {
    Statement::new("update bridges set enabled = $1 where id = $2", values![enabled, id])
}

/// All that comes from its config.
pub fn set_config(bridge: &BridgeRow) -> Statement {
    Statement::new(
        "update bridges set rights = $1, config = $2, permissions = $3, settings = $4, relay = $5 where id = $6",
        values![
            bridge.rights.as_str(),
            bridge.config.as_str(),
            bridge.permissions.as_str(),
            bridge.settings.as_str(),
            bridge.relay.as_deref(),
            bridge.id.as_str()
        ],
    )
    .or_lose("bridge")
}

pub fn set_state(id: &str, state: &str) -> Statement {
    Statement::new("update bridges set state = $1 where id = $2", values![state, id])
}

/// A new pin with the rights that were confirmed for it.
pub fn set_component(id: &str, component: &str, sha256: &str, rights: &str) -> Statement {
    Statement::new(
        "update bridges set component = $1, sha256 = $2, rights = $3 where id = $4",
        values![component, sha256, rights, id],
    )
}

/// Removes the bridge and its running state; maps, portals, ghosts and key-values stay for a bridge of the same id.
pub fn remove(id: &str) -> Vec<Statement> {
    [
        "delete from bridges where id = $1",
        "delete from bridge_inbox where bridge = $1",
        "delete from bridge_sends where bridge = $1",
        "delete from bridge_awaited_ends where bridge = $1",
        "delete from bridge_timers where bridge = $1",
    ]
    .map(|sql| Statement::new(sql, values![id]))
    .into()
}

/// Removes all that [`remove`] leaves.
pub fn purge(id: &str) -> Vec<Statement> {
    [
        "delete from bridge_logins where bridge = $1",
        "delete from bridge_portals where bridge = $1",
        "delete from bridge_portal_logins where bridge = $1",
        "delete from bridge_ghosts where bridge = $1",
        "delete from bridge_messages where bridge = $1",
        "delete from bridge_reactions where bridge = $1",
        "delete from bridge_keys where bridge = $1",
        "delete from bridge_kv where bridge = $1",
        "delete from bridge_management_rooms where bridge = $1",
        "delete from bridge_dead_letters where bridge = $1",
    ]
    .map(|sql| Statement::new(sql, values![id]))
    .into()
}

pub async fn all(store: &Store) -> Result<Vec<BridgeRow>, StoreError> {
    let sql = "select id, plugin, component, sha256, rights, config, permissions, settings, relay, enabled, state, \
               created_at from bridges order by id";
    store.fetch(sql, vec![]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<BridgeRow, StoreError> {
    Ok(BridgeRow {
        id: row.get(0)?,
        plugin: row.get(1)?,
        component: row.get(2)?,
        sha256: row.get(3)?,
        rights: row.get(4)?,
        config: row.get(5)?,
        permissions: row.get(6)?,
        settings: row.get(7)?,
        relay: row.get(8)?,
        enabled: row.get::<i64>(9)? != 0,
        state: row.get(10)?,
        created_at: row.get(11)?,
    })
}

/// A delivery or event that was given up, with its reason.
pub fn dead_letter(bridge: &str, login: &str, what: &str, reason: &str, at: i64) -> Statement {
    Statement::new(
        "insert into bridge_dead_letters (bridge, login, what, reason, at) values ($1, $2, $3, $4, $5)",
        values![bridge, login, what, reason, at],
    )
}

/// `(login, what, reason, at)`, newest first.
pub async fn dead_letters(store: &Store, bridge: &str) -> Result<Vec<(String, String, String, i64)>, StoreError> {
    let sql = "select login, what, reason, at from bridge_dead_letters where bridge = $1 order by at desc limit 100";
    store
        .fetch(sql, values![bridge])
        .await?
        .iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .collect()
}
