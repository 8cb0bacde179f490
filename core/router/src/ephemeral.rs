//! What a destination is told besides the log: typing, receipts and presence, messages to devices of its users, and what
//! changed about devices and keys. The hub knows them; the router asks.

use async_trait::async_trait;
use causeway_store::{DestinationNid, Position, Statement, StoreError};
use serde::Serialize;
use serde_json::value::RawValue;

/// How far a destination has been told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EphemeralMark {
    /// durable: receipts, messages to devices and changes of devices are never lost
    pub durable: Position,
    /// the hub's own count of lossy changes since its start; 0 at first
    pub lossy: u64,
}

/// What of it a destination asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// typing, receipts, presence
    pub ephemeral: bool,
    /// messages to devices, and what changed about devices and keys
    pub devices: bool,
    /// messages to devices and receipts of one answer; those of one commit are not parted
    pub limit: usize,
}

/// What a destination has still to be told.
#[derive(Debug, Default)]
pub struct Ephemerals {
    /// as the appservice API words them: `{type, room_id, content}`, presence `{type, sender, content}`
    pub events: Vec<Box<RawValue>>,
    /// `{type, sender, content, to_user_id, to_device_id}`
    pub to_device: Vec<Box<RawValue>>,
    pub devices: DeviceChanges,
    /// where the next question begins; never behind the mark that was given
    pub until: EphemeralMark,
    /// to be written together with the mark, once this was taken
    pub when_taken: Vec<Statement>,
    /// there is more after `until`
    pub more: bool,
}

impl Ephemerals {
    /// Nothing new.
    pub fn none(until: EphemeralMark) -> Self {
        Self { until, ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && !self.is_owed()
    }

    /// Whether it has something that is lost when nobody repeats it; receipts are found again by the mark.
    pub(crate) fn is_owed(&self) -> bool {
        !self.to_device.is_empty() || !self.devices.is_empty()
    }
}

/// What changed about devices and keys (MSC3202).
#[derive(Debug, Default)]
pub struct DeviceChanges {
    pub lists: DeviceLists,
    pub keys: Vec<DeviceKeys>,
}

impl DeviceChanges {
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.keys.is_empty()
    }
}

/// Users, in no order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeviceLists {
    /// whose devices or cross-signing keys must be looked up again
    pub changed: Vec<String>,
    /// who share no room with the destination's users any more
    pub left: Vec<String>,
}

impl DeviceLists {
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.left.is_empty()
    }
}

/// What is left of the keys of one device of the destination's users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceKeys {
    pub user_id: String,
    pub device_id: String,
    /// (algorithm, one-time keys); `signed_curve25519` is always there, with 0 too
    pub one_time: Vec<(String, i64)>,
    /// algorithms with a fallback key that nobody has claimed
    pub unused_fallback: Vec<String>,
}

/// The hub's side. After each change it calls [`crate::Router::ephemeral_changed`] or
/// [`crate::Router::devices_changed`] with the destinations that it concerns; only those that want such things ask.
#[async_trait]
pub trait EphemeralSource: Send + Sync {
    /// Receipts (private ones only of the destination's own users), typing and presence of what the destination sees,
    /// and all about devices, after `since`.
    async fn ephemerals(
        &self,
        destination: DestinationNid,
        since: EphemeralMark,
        wanted: Wanted,
    ) -> Result<Ephemerals, StoreError>;
}
