//! The log: all that was committed, in commit order.

use std::sync::Arc;

/// A number in the log; one counter for all durable streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Position(pub i64);

/// An event's order inside its room's timeline; sparse, so that older events can be put between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub i64);

/// An interned event; given before the commit, from blocks reserved in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventNid(pub i64);

/// An interned room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomNid(pub i64);

/// An interned user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserNid(pub i64);

/// An interned pair of event type and state key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyNid(pub i64);

/// A stored state of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateNid(pub i64);

/// An interned set of destinations (see [`crate::interest`]); 0 is the empty set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterestNid(pub i64);

/// An interned destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationNid(pub i64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    Live,
    /// inserted or backfilled
    History,
    Outlier,
    SoftFailed,
    Rejected,
}

impl EntryKind {
    pub(crate) fn to_i64(self) -> i64 {
        self as i64
    }

    pub(crate) fn from_i64(kind: i64) -> Option<Self> {
        [Self::Live, Self::History, Self::Outlier, Self::SoftFailed, Self::Rejected]
            .into_iter()
            .find(|k| k.to_i64() == kind)
    }
}

/// An event in the log, as readers and the ring see it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub position: Position,
    pub place: Place,
    pub nid: EventNid,
    pub room_nid: RoomNid,
    pub kind: EntryKind,
    pub room_id: Arc<str>,
    pub event_id: Arc<str>,
    pub sender: Arc<str>,
    pub event_type: Arc<str>,
    pub state_key: Option<Arc<str>>,
    /// milliseconds since the Unix epoch
    pub origin_server_ts: i64,
    /// destinations that were interested when it was committed
    pub interest: InterestNid,
    /// counts as unread for nobody
    pub quiet: bool,
    /// the client's transaction: (device, transaction id), for `unsigned.transaction_id`
    pub transaction: Option<(Arc<str>, Arc<str>)>,
    /// the PDU as stored (canonical JSON; redacted form once redacted)
    pub json: Arc<str>,
}
