//! What Matrix users did, offered to a connector: the twin of the WIT interface `matrix-in`.

use super::content::{Message, Part};
use super::ids::{GhostId, LoginId, MessageId, MessageRef, PortalKey, RemoteError};
use super::remote::Membership;

#[derive(Clone, Debug, PartialEq)]
pub struct RelayProfile {
    pub display_name: String,
    pub avatar_url: Option<String>,
    pub prefix: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Author {
    pub user: String,
    /// the login to speak through; for a relayed user that of the relay
    pub login: LoginId,
    pub relay: Option<RelayProfile>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum MemberTarget {
    Ghost(GhostId),
    Login(LoginId),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    Name(String),
    Topic(String),
    Avatar(Option<String>),
    Disappear(u64),
    Muted(bool),
    Tag(Option<String>),
    /// content of `m.room.power_levels` as JSON
    Power(String),
}

#[expect(clippy::large_enum_variant, reason = "most of them are sends")]
#[derive(Clone, Debug, PartialEq)]
pub enum MatrixKind {
    /// `txn` names this send in `echo_of` and `settle`; it stays the same when the event is offered again
    Send {
        message: Message,
        txn: String,
    },
    Edit {
        target: MessageRef,
        part: Part,
    },
    React {
        target: MessageRef,
        emoji: String,
        previous: Vec<String>,
    },
    Unreact {
        target: MessageRef,
        emoji_id: String,
    },
    Remove(MessageRef),
    ReadReceipt {
        up_to: Option<MessageId>,
        at: u64,
        implicit: bool,
    },
    Typing(bool),
    Unread(bool),
    Member {
        target: MemberTarget,
        membership: Membership,
        reason: Option<String>,
    },
    Setting(Setting),
    AcceptRequest,
    DeleteChat(bool),
    PollVote(MessageRef, Vec<String>),
    /// a whole event as JSON, from rooms outside any portal
    Raw(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct MatrixEvent {
    pub portal: Option<PortalKey>,
    pub room: String,
    pub id: String,
    /// milliseconds since the Unix epoch
    pub at: u64,
    pub author: Author,
    pub kind: MatrixKind,
    /// 1 at first; more when it is offered again after a crash or reconnect
    pub attempt: u32,
}

#[derive(Clone, Debug)]
pub struct SentPart {
    pub part: String,
    pub id: MessageId,
    pub at: Option<u64>,
    pub order: i64,
    pub metadata: Option<String>,
}

/// What became of a Matrix event at the network.
#[derive(Clone, Debug)]
pub enum Outcome {
    Sent(Vec<SentPart>),
    Done,
    /// on its way; a later call settles it
    Pending,
    /// it may or may not have arrived, and the network can't tell
    Unknown(String),
    Ignored(String),
    Failed(RemoteError),
}
