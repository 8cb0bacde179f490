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

/// What became of a transaction.
#[derive(Debug)]
pub enum Delivered {
    /// All of it was taken. `pending`: entries that the destination holds but that are not settled yet; the router
    /// keeps them as exceptions until [`crate::Router::settle`].
    Taken { pending: Vec<Position> },
    /// Not now (refused connection, 401, 403, 429, 502–504, a connector starting again): hold everything, try again
    /// after back-off or `retry_after`. Never makes a dead letter.
    Held { reason: String, retry_after: Option<Duration> },
    /// Answered, but with an error that may be the fault of one entry (other 4xx and 5xx, a poisoned call): the router
    /// isolates the entry.
    Failed { reason: String },
}

#[async_trait]
pub trait Destination: Send + Sync {
    fn id(&self) -> &DestinationId;

    /// At most this many entries in one transaction.
    fn batch(&self) -> usize {
        100
    }

    /// Whether it is told of typing, receipts and presence.
    fn wants_ephemeral(&self) -> bool {
        false
    }

    /// Whether it is told of messages to its users' devices, of device lists and key counts.
    fn wants_devices(&self) -> bool {
        false
    }

    /// Whether a destination that was gone (a refused connection, silence) is there again. Asked once a second while it
    /// is held; must cost it nearly nothing.
    async fn probe(&self) -> bool {
        false
    }

    /// Called by the destination's one worker, one transaction at a time.
    async fn deliver(&self, transaction: &Transaction) -> Delivered;
}
