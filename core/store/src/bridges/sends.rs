//! Matrix events that were offered to a login's connector, and what became of them.

use crate::{Row, Statement, Store, StoreError, values};

/// What became of an event at a login's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendStatus {
    /// not settled; of attempt 0: it waits for another event and was not offered yet
    Pending,
    Sent,
    /// nothing that the network is to be told
    Ignored,
    /// it may or may not have arrived
    Unknown,
    Failed,
}

impl SendStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Ignored => "ignored",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        let all = [Self::Pending, Self::Sent, Self::Ignored, Self::Unknown, Self::Failed];
        all.into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| StoreError::Inconsistent { what: format!("bridge_sends.status {text:?}"), source: None })
    }

    /// It did not arrive, or may not have: whoever sent it may ask for another try.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Unknown | Self::Failed)
    }
}

/// `detail` says why, in words for the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendRow {
    pub bridge: String,
    pub login: String,
    pub event_id: String,
    pub room_id: String,
    pub position: i64,
    pub status: SendStatus,
    pub detail: Option<String>,
    pub attempt: i64,
    /// milliseconds since the Unix epoch
    pub updated_at: i64,
}

pub fn put(send: &SendRow) -> Statement {
    Statement::new(
        "insert into bridge_sends (bridge, login, event_id, room_id, position, status, detail, attempt, updated_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (bridge, login, event_id) do update set \
         status = excluded.status, detail = excluded.detail, attempt = excluded.attempt, updated_at = excluded.updated_at",
        values![
            send.bridge.as_str(),
            send.login.as_str(),
            send.event_id.as_str(),
            send.room_id.as_str(),
            send.position,
            send.status.as_str(),
            send.detail.as_deref(),
            send.attempt,
            send.updated_at
        ],
    )
}

/// Forgets what was settled before `before`.
pub fn prune(bridge: &str, before: i64) -> Statement {
    Statement::new(
        "delete from bridge_sends where bridge = $1 and status <> 'pending' and updated_at < $2",
        values![bridge, before],
    )
}

pub async fn get(store: &Store, bridge: &str, login: &str, event_id: &str) -> Result<Option<SendRow>, StoreError> {
    let sql = "select bridge, login, event_id, room_id, position, status, detail, attempt, updated_at from bridge_sends \
               where bridge = $1 and login = $2 and event_id = $3";
    store.fetch(sql, values![bridge, login, event_id]).await?.first().map(read).transpose()
}

/// In the order in which they were sent.
pub async fn pending(store: &Store, bridge: &str, login: &str) -> Result<Vec<SendRow>, StoreError> {
    let sql = "select bridge, login, event_id, room_id, position, status, detail, attempt, updated_at from bridge_sends \
               where bridge = $1 and status = 'pending' and login = $2 order by position";
    store.fetch(sql, values![bridge, login]).await?.iter().map(read).collect()
}

/// Those that wait for another event, of all logins.
pub async fn waiting(store: &Store, bridge: &str) -> Result<Vec<SendRow>, StoreError> {
    let sql = "select bridge, login, event_id, room_id, position, status, detail, attempt, updated_at from bridge_sends \
               where bridge = $1 and status = 'pending' and attempt = 0 order by position";
    store.fetch(sql, values![bridge]).await?.iter().map(read).collect()
}

/// What did not arrive, or may not have, newest first.
pub async fn bad(store: &Store, bridge: &str, login: &str) -> Result<Vec<SendRow>, StoreError> {
    let sql = "select bridge, login, event_id, room_id, position, status, detail, attempt, updated_at from bridge_sends \
               where bridge = $1 and status in ('unknown', 'failed') and login = $2 order by position desc limit 20";
    store.fetch(sql, values![bridge, login]).await?.iter().map(read).collect()
}

/// What became of an event, by each login it was for.
pub async fn of_event(store: &Store, bridge: &str, event_id: &str) -> Result<Vec<SendRow>, StoreError> {
    let sql = "select bridge, login, event_id, room_id, position, status, detail, attempt, updated_at from bridge_sends \
               where bridge = $1 and event_id = $2 order by login";
    store.fetch(sql, values![bridge, event_id]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<SendRow, StoreError> {
    Ok(SendRow {
        bridge: row.get(0)?,
        login: row.get(1)?,
        event_id: row.get(2)?,
        room_id: row.get(3)?,
        position: row.get(4)?,
        status: SendStatus::parse(&row.get::<String>(5)?)?,
        detail: row.get(6)?,
        attempt: row.get(7)?,
        updated_at: row.get(8)?,
    })
}
