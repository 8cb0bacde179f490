//! The message map: remote ids and the Matrix events they became, and the keys of remote events that were taken.

use crate::{Row, Statement, Store, StoreError, Value, values};

/// One part of a remote message and its event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    pub bridge: String,
    pub receiver: String,
    pub message: String,
    pub part: String,
    /// the portal's id
    pub portal: String,
    /// empty in a row written with the commit that makes the event: then the id of that event
    pub event_id: String,
    /// Matrix user id
    pub sender: String,
    /// milliseconds since the Unix epoch
    pub sent_at: i64,
    /// JSON of the connector's own
    pub metadata: Option<String>,
}

/// One reaction and its event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReactionRow {
    pub bridge: String,
    pub receiver: String,
    pub message: String,
    pub part: String,
    /// Matrix user id
    pub sender: String,
    pub emoji_id: String,
    /// as in [`MessageRow`]
    pub event_id: String,
}

/// The key of a remote event that is taken with this commit. Loses under `remote key` when it was taken before.
pub fn take_key(bridge: &str, receiver: &str, key: &str) -> Statement {
    Statement::new(
        "insert into bridge_keys (bridge, receiver, remote_key) values ($1, $2, $3) on conflict do nothing",
        values![bridge, receiver, key],
    )
    .or_lose("remote key")
}

/// The same where a second taking does no harm.
pub fn note_key(bridge: &str, receiver: &str, key: &str) -> Statement {
    Statement::new(
        "insert into bridge_keys (bridge, receiver, remote_key) values ($1, $2, $3) on conflict do nothing",
        values![bridge, receiver, key],
    )
}

pub async fn is_key_taken(store: &Store, bridge: &str, receiver: &str, key: &str) -> Result<bool, StoreError> {
    let sql = "select 1 from bridge_keys where bridge = $1 and receiver = $2 and remote_key = $3";
    Ok(!store.fetch(sql, values![bridge, receiver, key]).await?.is_empty())
}

/// A part that is in the map already stays as it is.
pub fn insert(message: &MessageRow) -> Statement {
    Statement::new(
        "insert into bridge_messages (bridge, receiver, message, part, portal, event_id, sender, sent_at, metadata) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
        values![
            message.bridge.as_str(),
            message.receiver.as_str(),
            message.message.as_str(),
            message.part.as_str(),
            message.portal.as_str(),
            event_id(&message.event_id),
            message.sender.as_str(),
            message.sent_at,
            message.metadata.as_deref()
        ],
    )
}

/// The whole map of a chat; keys of remote events stay taken.
pub fn forget_chat(bridge: &str, receiver: &str, portal: &str) -> [Statement; 2] {
    let reactions = "delete from bridge_reactions where bridge = $1 and receiver = $2 and message in \
        (select message from bridge_messages where bridge = $3 and receiver = $4 and portal = $5)";
    let messages = "delete from bridge_messages where bridge = $1 and receiver = $2 and portal = $3";
    [
        Statement::new(reactions, values![bridge, receiver, bridge, receiver, portal]),
        Statement::new(messages, values![bridge, receiver, portal]),
    ]
}

pub fn remove(bridge: &str, receiver: &str, message: &str, part: &str) -> Statement {
    Statement::new(
        "delete from bridge_messages where bridge = $1 and receiver = $2 and message = $3 and part = $4",
        values![bridge, receiver, message, part],
    )
}

/// All parts of a message, by part.
pub async fn of_message(
    store: &Store,
    bridge: &str,
    receiver: &str,
    message: &str,
) -> Result<Vec<MessageRow>, StoreError> {
    let sql = "select bridge, receiver, message, part, portal, event_id, sender, sent_at, metadata from bridge_messages \
               where bridge = $1 and receiver = $2 and message = $3 order by part";
    store.fetch(sql, values![bridge, receiver, message]).await?.iter().map(read).collect()
}

/// What an event is on the network of a bridge; several rows where one event became several remote messages.
pub async fn of_event(store: &Store, bridge: &str, event_id: &str) -> Result<Vec<MessageRow>, StoreError> {
    let sql = "select bridge, receiver, message, part, portal, event_id, sender, sent_at, metadata from bridge_messages \
               where event_id = $1 and bridge = $2 order by sent_at, message, part";
    store.fetch(sql, values![event_id, bridge]).await?.iter().map(read).collect()
}

fn event_id(id: &str) -> Value {
    if id.is_empty() { Value::EventId } else { id.into() }
}

fn read(row: &Row) -> Result<MessageRow, StoreError> {
    Ok(MessageRow {
        bridge: row.get(0)?,
        receiver: row.get(1)?,
        message: row.get(2)?,
        part: row.get(3)?,
        portal: row.get(4)?,
        event_id: row.get(5)?,
        sender: row.get(6)?,
        sent_at: row.get(7)?,
        metadata: row.get(8)?,
    })
}

pub fn put_reaction(reaction: &ReactionRow) -> Statement {
    Statement::new(
        "insert into bridge_reactions (bridge, receiver, message, part, sender, emoji_id, event_id) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (bridge, receiver, message, part, sender, emoji_id) \
         do update set event_id = excluded.event_id",
        values![
            reaction.bridge.as_str(),
            reaction.receiver.as_str(),
            reaction.message.as_str(),
            reaction.part.as_str(),
            reaction.sender.as_str(),
            reaction.emoji_id.as_str(),
            event_id(&reaction.event_id)
        ],
    )
}

pub fn remove_reaction(bridge: &str, event_id: &str) -> Statement {
    Statement::new("delete from bridge_reactions where event_id = $1 and bridge = $2", values![event_id, bridge])
}

pub fn remove_reaction_row(
    bridge: &str,
    receiver: &str,
    (message, part): (&str, &str),
    sender: &str,
    emoji_id: &str,
) -> Statement {
    Statement::new(
        "delete from bridge_reactions where bridge = $1 and receiver = $2 and message = $3 and part = $4 \
         and sender = $5 and emoji_id = $6",
        values![bridge, receiver, message, part, sender, emoji_id],
    )
}

/// What one user has put under one part of a message.
pub async fn reactions_of(
    store: &Store,
    bridge: &str,
    receiver: &str,
    message: &str,
    part: &str,
    sender: &str,
) -> Result<Vec<ReactionRow>, StoreError> {
    let sql = "select bridge, receiver, message, part, sender, emoji_id, event_id from bridge_reactions \
               where bridge = $1 and receiver = $2 and message = $3 and part = $4 and sender = $5 order by emoji_id";
    store.fetch(sql, values![bridge, receiver, message, part, sender]).await?.iter().map(read_reaction).collect()
}

pub async fn reaction_of_event(store: &Store, bridge: &str, event_id: &str) -> Result<Option<ReactionRow>, StoreError> {
    let sql = "select bridge, receiver, message, part, sender, emoji_id, event_id from bridge_reactions \
               where event_id = $1 and bridge = $2";
    store.fetch(sql, values![event_id, bridge]).await?.first().map(read_reaction).transpose()
}

fn read_reaction(row: &Row) -> Result<ReactionRow, StoreError> {
    Ok(ReactionRow {
        bridge: row.get(0)?,
        receiver: row.get(1)?,
        message: row.get(2)?,
        part: row.get(3)?,
        sender: row.get(4)?,
        emoji_id: row.get(5)?,
        event_id: row.get(6)?,
    })
}
