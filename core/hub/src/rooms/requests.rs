//! What can be asked of [`Rooms`](super::Rooms): requests as values, so that a client's endpoint, an appservice and the
//! bridge engine all go through the same door.

use std::collections::BTreeMap;

use causeway_store::{Position, Statement};
use ruma::api::client::room::{Visibility, create_room::v3::RoomPreset};
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, RoomVersionId};
use serde_json::value::RawValue;

/// A client's own name for a request: it makes the request safe to repeat, also across restarts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TransactionKey {
    /// the device, or for an appservice's user without device `appservice:{id}`
    pub device: String,
    pub txn_id: String,
}

/// One new event in a room.
pub struct NewEvent {
    pub room_id: OwnedRoomId,
    pub sender: OwnedUserId,
    pub event_type: String,
    pub state_key: Option<String>,
    /// kept as it is, unknown keys included
    pub content: Box<RawValue>,
    pub redacts: Option<OwnedEventId>,
    /// milliseconds since the Unix epoch; only appservices may set it (`?ts=`)
    pub timestamp: Option<u64>,
    pub transaction: Option<TransactionKey>,
    /// rows that must live or die with the event: the bridge's message map, a plugin's key-values
    pub with: Vec<Statement>,
}

impl NewEvent {
    pub fn message(room_id: OwnedRoomId, sender: OwnedUserId, event_type: &str, content: Box<RawValue>) -> Self {
        Self {
            room_id,
            sender,
            event_type: event_type.to_owned(),
            state_key: None,
            content,
            redacts: None,
            timestamp: None,
            transaction: None,
            with: Vec::new(),
        }
    }

    pub fn state(
        room_id: OwnedRoomId,
        sender: OwnedUserId,
        event_type: &str,
        state_key: &str,
        content: Box<RawValue>,
    ) -> Self {
        Self { state_key: Some(state_key.to_owned()), ..Self::message(room_id, sender, event_type, content) }
    }
}

/// The event is on disk.
#[derive(Clone, Debug)]
pub struct Sent {
    pub event_id: OwnedEventId,
    /// where the log stood then; the end of a read-your-writes wait
    pub position: Position,
}

/// `POST /createRoom`, already parsed.
#[derive(Default)]
pub struct CreateRoom {
    pub version: Option<RoomVersionId>,
    pub preset: Option<RoomPreset>,
    pub visibility: Visibility,
    pub alias_localpart: Option<String>,
    pub name: Option<String>,
    pub topic: Option<String>,
    pub invite: Vec<OwnedUserId>,
    /// joined by the server itself in the same commit, after the creator: the engine's and the admin's wish only
    pub join: Vec<OwnedUserId>,
    pub is_direct: bool,
    pub creation_content: BTreeMap<String, serde_json::Value>,
    pub power_level_content_override: Option<serde_json::Map<String, serde_json::Value>>,
    /// (type, state key, content)
    pub initial_state: Vec<(String, String, Box<RawValue>)>,
    /// rows that must live or die with the room: the bridge's portal; `Value::RoomId` stands for the room's id
    pub with: Vec<Statement>,
}

/// A change of somebody's membership by somebody.
pub struct Membership {
    pub room_id: OwnedRoomId,
    pub sender: OwnedUserId,
    pub target: OwnedUserId,
    pub change: MembershipChange,
    pub reason: Option<String>,
    /// further keys of the content (`third_party_signed` is not one)
    pub extra: serde_json::Map<String, serde_json::Value>,
    pub timestamp: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipChange {
    Join,
    Leave,
    Invite,
    Kick,
    Ban,
    Unban,
    Knock,
}

/// Why a room did not take an event. Each maps to one Matrix error code.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// 404 `M_NOT_FOUND`
    #[error("there is no room {0}")]
    UnknownRoom(OwnedRoomId),
    /// 403 `M_FORBIDDEN`; the text says what the room's rules want
    #[error("{0}")]
    Forbidden(String),
    /// 413 `M_TOO_LARGE`
    #[error("{0}")]
    TooLarge(String),
    /// 400 `M_BAD_JSON`
    #[error("{0}")]
    BadContent(String),
    /// 400 `M_UNSUPPORTED_ROOM_VERSION`
    #[error("room version {0} is not supported")]
    UnsupportedVersion(RoomVersionId),
    /// 400 `M_ROOM_IN_USE`
    #[error("the alias {0} is taken")]
    AliasInUse(String),
    /// 404 `M_NOT_FOUND`
    #[error("there is no event {0} in this room")]
    UnknownEvent(OwnedEventId),
    /// The state event would only repeat this one; never leaves [`Rooms`](super::Rooms).
    #[error("the state is so already: {0}")]
    Unchanged(OwnedEventId),
    /// a row of `with` was there already: its label. The event was not made.
    #[error("lost: {0}")]
    Lost(&'static str),
    /// 500, or 503 while the database is away
    #[error(transparent)]
    Store(#[from] causeway_store::StoreError),
}
