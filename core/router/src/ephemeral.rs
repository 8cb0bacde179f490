//! Typing, receipts and presence: what a destination is told besides the log. The hub knows them; the router asks.

use async_trait::async_trait;
use causeway_store::{DestinationNid, Position, StoreError};
use serde_json::value::RawValue;

/// How far a destination has been told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EphemeralMark {
    /// durable: receipts are never lost
    pub receipts: Position,
    /// the hub's own count of lossy changes since its start; 0 at first
    pub lossy: u64,
}

/// What a destination has still to be told.
#[derive(Debug, Default)]
pub struct Ephemerals {
    /// as the appservice API words them: `{type, room_id, content}`, presence `{type, sender, content}`
    pub events: Vec<Box<RawValue>>,
    /// where the next question begins; never behind the mark that was given
    pub until: EphemeralMark,
}

/// The hub's side. After each change it calls [`crate::Router::ephemeral_changed`] with the destinations that the room
/// concerns; only those whose [`crate::Destination::wants_ephemeral`] is true ask.
#[async_trait]
pub trait EphemeralSource: Send + Sync {
    /// Receipts (private ones only of the destination's own users), typing and presence of the rooms that the
    /// destination sees, after `since`. At most some hundred; `until` says how far they reach.
    async fn ephemerals(&self, destination: DestinationNid, since: EphemeralMark) -> Result<Ephemerals, StoreError>;
}
