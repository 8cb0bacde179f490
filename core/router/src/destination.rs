//! A destination: a consumer of the log with a durable cursor. One trait for an HTTP appservice, a login of a bridge
//! and what comes later; the router owns cursor, transactions, back-off, exceptions and dead letters of all of them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use causeway_store::{Entry, Position, Replaced};
use serde_json::value::RawValue;

use crate::ephemeral::DeviceChanges;

/// `appservice:{registration id}` or `login:{bridge id}:{login id}`: what `queue list` shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DestinationId(pub Arc<str>);

impl std::fmt::Display for DestinationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A batch under an id that is never given to other events (design §5.6): the destination's random epoch and a serial.
/// Retries carry the same id and the same entries.
#[derive(Debug)]
pub struct Transaction {
    pub id: String,
    /// 1 at first
    pub attempt: u32,
    /// milliseconds since the Unix epoch; the same for all attempts of one process
    pub made: i64,
    /// in log order
    pub entries: Vec<Arc<Entry>>,
    /// They were offered before, and come out of their order.
    pub redelivery: Option<Redelivery>,
    /// what those of them that are state events replaced
    pub replaced: Vec<Replaced>,
    /// typing, receipts and presence, as the appservice API words them; lossy but for receipts
    pub ephemeral: Vec<Box<RawValue>>,
    /// to-device messages, with `to_user_id` and `to_device_id`
    pub to_device: Vec<Box<RawValue>>,
    /// device lists and key counts
    pub devices: DeviceChanges,
}

impl Transaction {
    /// Whether it carries what goes before events, and under the same id until it is taken.
    pub(crate) fn is_about_devices(&self) -> bool {
        !self.to_device.is_empty() || !self.devices.is_empty()
    }
}

/// Why entries come out of their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redelivery {
    /// a dead letter that an admin or its sender has asked for again
    Late,
    /// part of a replay
    Replay,
}

impl Redelivery {
    /// As transactions and metrics say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Replay => "replay",
        }
    }
}

/// Why a transaction was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub kind: ErrorKind,
    /// for admins
    pub text: String,
}

/// Closed, so that metrics may be labelled with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// nobody listens there
    Unreachable,
    /// somebody listens and says nothing
    Unanswered,
    /// our token is not known (401, 403)
    Unauthorized,
    /// 429
    RateLimited,
    /// it says that it cannot now (502–504), or a proxy says so for it
    Unavailable,
    /// something else answers there (404, 405, a redirection)
    Misdirected,
    /// any other error that was answered
    Failed,
    /// a bridge's own reason
    Other,
}

impl ErrorKind {
    pub const ALL: [Self; 8] = [
        Self::Unreachable,
        Self::Unanswered,
        Self::Unauthorized,
        Self::RateLimited,
        Self::Unavailable,
        Self::Misdirected,
        Self::Failed,
        Self::Other,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Unanswered => "unanswered",
            Self::Unauthorized => "unauthorized",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Misdirected => "misdirected",
            Self::Failed => "failed",
            Self::Other => "other",
        }
    }
}

impl Reason {
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self::new(ErrorKind::Other, text)
    }
}

impl From<&str> for Reason {
    fn from(text: &str) -> Self {
        Self::new(ErrorKind::Other, text)
    }
}

/// What became of a transaction.
#[derive(Debug)]
pub enum Delivered {
    /// All of it was taken. `pending`: entries that the destination holds but that are not settled yet; the router
    /// keeps them as exceptions until [`crate::Router::settle`].
    Taken { pending: Vec<Position> },
    /// Not now (refused connection, 401, 403, 429, 502–504, a connector starting again): hold everything, try again
    /// after back-off or `retry_after`. Never makes a dead letter.
    Held { reason: Reason, retry_after: Option<Duration> },
    /// No answer within the destination's own limit. Holds everything too, until it has answered anything else since
    /// (`alive`: it has, just now); from then on as [`Delivered::Failed`].
    Unanswered { reason: Reason, alive: bool },
    /// Answered, but with an error that may be the fault of one entry (other 4xx and 5xx, a poisoned call): the router
    /// isolates the entry.
    Failed { reason: Reason },
}

impl Delivered {
    /// As logs and metrics say it.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "taken",
            Self::Held { .. } => "held",
            Self::Unanswered { .. } => "unanswered",
            Self::Failed { .. } => "failed",
        }
    }

    /// Why it was not taken.
    pub(crate) fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Taken { .. } => None,
            Self::Held { reason, .. } | Self::Unanswered { reason, .. } | Self::Failed { reason } => Some(reason),
        }
    }
}

#[async_trait]
pub trait Destination: Send + Sync {
    fn id(&self) -> &DestinationId;

    /// At most this many entries in one transaction.
    fn batch(&self) -> usize {
        100
    }

    /// Transactions of different rooms at the same time. 1: one after the other, all rooms in the log's order.
    fn parallel(&self) -> usize {
        1
    }

    /// Whether it is told of typing, receipts and presence.
    fn wants_ephemeral(&self) -> bool {
        false
    }

    /// Whether it is told of messages to its users' devices, of device lists and key counts.
    fn wants_devices(&self) -> bool {
        false
    }

    /// Whether a destination that was gone is there again. Asked every [`Timing::probe`](crate::Timing) while it is held;
    /// must cost it nearly nothing.
    async fn probe(&self) -> bool {
        false
    }

    /// Called by the destination's one worker: one transaction at a time, or up to [`parallel`](Self::parallel) of
    /// different rooms.
    async fn deliver(&self, transaction: &Transaction) -> Delivered;
}
