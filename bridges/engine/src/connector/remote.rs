//! What happened on the remote network, submitted by a connector: the twin of the WIT interface `remote`.

use serde::{Deserialize, Serialize};

use super::content::{Message, Part};
use super::ids::{GhostId, LoginId, MessageId, MessageRef, PortalKey};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sender {
    pub ghost: GhostId,
    /// the login's own account did it: the double puppet speaks
    pub is_me: bool,
    pub via_login: Option<LoginId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Membership {
    Join,
    Invite,
    Leave,
    Ban,
    Knock,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    pub who: Sender,
    pub membership: Membership,
    pub power: Option<i32>,
    pub nick: Option<String>,
    /// why they leave, were kicked or banned
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChatKind {
    Dm,
    Group,
    Channel,
    Space,
    Thread,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Avatar {
    pub id: String,
    pub source: Option<String>,
    pub remove: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatInfo {
    pub kind: ChatKind,
    pub name: Option<String>,
    pub topic: Option<String>,
    pub avatar: Option<Avatar>,
    pub parent: Option<PortalKey>,
    pub members: Option<Vec<Member>>,
    /// the list names everybody: ghosts that are not on it leave
    pub members_complete: bool,
    pub disappear_after_ms: u64,
    pub can_backfill: bool,
    pub join_rule: Option<String>,
    pub extra: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GhostInfo {
    pub id: GhostId,
    pub name: Option<String>,
    pub avatar: Option<Avatar>,
    pub is_bot: bool,
    /// URIs such as `tel:`, `mailto:` or `network:handle`
    pub identifiers: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReactionOp {
    Add,
    Remove,
    Replace,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reaction {
    pub target: MessageRef,
    pub op: ReactionOp,
    pub emoji: String,
    pub emoji_id: String,
    pub image: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    pub target: MessageId,
    pub changed: Vec<Part>,
    pub removed: Vec<String>,
    pub added: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Removal {
    pub target: MessageRef,
    pub only_for_me: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub up_to: Option<MessageId>,
    pub targets: Vec<MessageId>,
    /// milliseconds since the Unix epoch
    pub until: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Typing {
    pub timeout_ms: u64,
    pub recording: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewMessage {
    /// empty where the network has no message ids
    pub id: MessageId,
    pub message: Message,
    /// the `txn` of the Matrix event that this is the network's own acknowledgement of
    pub echo_of: Option<String>,
    pub upsert: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryMessage {
    pub id: MessageId,
    pub sender: Sender,
    pub at: u64,
    pub order: i64,
    pub message: Message,
    pub reactions: Vec<(Sender, Reaction)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryPage {
    pub messages: Vec<HistoryMessage>,
    pub next: Option<String>,
    pub has_more: bool,
    pub forward: bool,
    pub mark_read: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RemoteKind {
    Message(NewMessage),
    Edit(Edit),
    Reaction(Reaction),
    Removal(Removal),
    ReadReceipt(Receipt),
    Delivered(Vec<MessageId>),
    Typing(Typing),
    Unread(bool),
    Members(Vec<Member>),
    ChatInfo(ChatInfo),
    ChatDeleted,
    Backfill(HistoryPage),
}

/// One event of the remote network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoteEvent {
    pub portal: PortalKey,
    pub sender: Sender,
    /// milliseconds since the Unix epoch
    pub at: u64,
    /// order within the chat as the network counts it; 0 when unknown
    pub order: i64,
    /// Idempotency key, unique in the bridge: the same key is applied once. Empty where the network gives a
    /// message no id: then only the chat's elected listener login is believed (design §6).
    pub key: String,
    pub create_portal: bool,
    pub kind: RemoteKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryQuery {
    pub portal: PortalKey,
    pub thread_root: Option<MessageId>,
    pub forward: bool,
    pub anchor: Option<MessageId>,
    pub cursor: Option<String>,
    pub count: u32,
}
