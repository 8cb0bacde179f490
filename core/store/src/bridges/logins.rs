//! Logins: one account of one Matrix user on one remote network.

use crate::{Row, Statement, Store, StoreError, values};

/// `profile` and `state` are JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRow {
    pub bridge: String,
    pub login: String,
    /// Matrix user id
    pub owner: String,
    pub remote_name: String,
    /// the remote id under which others see this login
    pub ghost: Option<String>,
    pub profile: String,
    pub state: Option<String>,
    pub management_room: Option<String>,
}

/// A new login, or the same one logged in anew.
pub fn put(login: &LoginRow) -> Statement {
    Statement::new(
        "insert into bridge_logins (bridge, login, owner, remote_name, ghost, profile, state, management_room) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (bridge, login) do update set owner = excluded.owner, \
         remote_name = excluded.remote_name, ghost = excluded.ghost, profile = excluded.profile, state = excluded.state, \
         management_room = excluded.management_room",
        values![
            login.bridge.as_str(),
            login.login.as_str(),
            login.owner.as_str(),
            login.remote_name.as_str(),
            login.ghost.as_deref(),
            login.profile.as_str(),
            login.state.as_deref(),
            login.management_room.as_deref()
        ],
    )
}

/// Removes the login with all that is only its own: key-values, timers, places in portals, unsettled sends and who waits for their end.
pub fn remove(bridge: &str, login: &str) -> Vec<Statement> {
    [
        "delete from bridge_logins where bridge = $1 and login = $2",
        "delete from bridge_kv where bridge = $1 and login = $2",
        "delete from bridge_timers where bridge = $1 and login = $2",
        "delete from bridge_portal_logins where bridge = $1 and login = $2",
        "delete from bridge_sends where bridge = $1 and login = $2",
        "delete from bridge_awaited_ends where bridge = $1 and login = $2",
    ]
    .map(|sql| Statement::new(sql, values![bridge, login]))
    .into()
}

pub async fn of_bridge(store: &Store, bridge: &str) -> Result<Vec<LoginRow>, StoreError> {
    let sql = "select bridge, login, owner, remote_name, ghost, profile, state, management_room from bridge_logins \
               where bridge = $1 order by login";
    store.fetch(sql, values![bridge]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<LoginRow, StoreError> {
    Ok(LoginRow {
        bridge: row.get(0)?,
        login: row.get(1)?,
        owner: row.get(2)?,
        remote_name: row.get(3)?,
        ghost: row.get(4)?,
        profile: row.get(5)?,
        state: row.get(6)?,
        management_room: row.get(7)?,
    })
}
