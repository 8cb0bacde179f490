//! New events of one room, with every row that follows from them.

use std::sync::Arc;

use crate::{Entry, EntryKind, EventNid, InterestNid, KeyNid, Notice, Place, Position, RoomNid, StateNid, UserNid};

/// Events of one room, oldest first; never empty.
pub struct Append {
    pub room: RoomFacts,
    /// The head that the events were built on; `None` makes the room.
    pub expected: Option<EventNid>,
    pub events: Vec<NewEntry>,
    /// Of the newest live event, these included.
    pub place: Place,
    /// The room after the events.
    pub extremities: Vec<EventNid>,
    pub depth: i64,
    pub state: StateNid,
    /// States that are new, as the kernel encodes them.
    pub states: Vec<(StateNid, Vec<u8>)>,
    /// Trie nodes that are new, as the kernel encodes them.
    pub nodes: Vec<(i64, Vec<u8>)>,
    pub redactions: Vec<Redacted>,
    pub transaction: Option<ClientTransaction>,
    /// Called in commit order, before anybody is answered: with the last position, or `None` when it was refused.
    pub settled: Option<Box<dyn FnOnce(Option<Position>) + Send + Sync>>,
}

#[derive(Clone, Debug)]
pub struct RoomFacts {
    pub nid: RoomNid,
    pub room_id: Arc<str>,
    pub version: Arc<str>,
}

pub struct NewEntry {
    pub nid: EventNid,
    pub place: Place,
    pub kind: EntryKind,
    pub event_id: Arc<str>,
    pub depth: i64,
    pub origin_server_ts: i64,
    pub sender: (UserNid, Arc<str>),
    pub event_type: Arc<str>,
    /// Of state events: the state key, its number, and the event that had it before.
    pub state_key: Option<(KeyNid, Arc<str>, Option<EventNid>)>,
    /// The state after the event.
    pub state: StateNid,
    pub interest: InterestNid,
    pub json: Arc<str>,
    /// Of state events.
    pub auth_events: Vec<EventNid>,
    /// Of member events: who and what.
    pub membership: Option<(UserNid, Arc<str>)>,
    pub relation: Option<NewRelation>,
    /// By a later event of the same commit; then `json` is the redacted form.
    pub redacted_by: Option<EventNid>,
    /// counts as unread for nobody
    pub quiet: bool,
    /// (device, transaction id)
    pub transaction: Option<(Arc<str>, Arc<str>)>,
}

/// What `m.relates_to` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRelation {
    pub target: String,
    pub rel_type: String,
    pub key: Option<String>,
}

/// An event of an earlier commit that is redacted by one of this.
pub struct Redacted {
    pub target: EventNid,
    pub by: EventNid,
    /// the redacted PDU
    pub json: Arc<str>,
}

/// The row that makes a request safe to repeat.
#[derive(Clone, Debug)]
pub struct ClientTransaction {
    pub sender: UserNid,
    pub device: Arc<str>,
    pub txn_id: Arc<str>,
    pub event: EventNid,
    pub ts: i64,
}

impl Append {
    pub(crate) fn new_head(&self) -> EventNid {
        self.events.last().map_or(EventNid(0), |event| event.nid)
    }

    pub(crate) fn refuse(self) {
        if let Some(settled) = self.settled {
            settled(None);
        }
    }

    /// `base` is the position before the first event.
    pub(crate) fn announce(self, base: Position, notices: &mut Vec<Notice>) {
        let last = Position(base.0 + self.events.len() as i64);
        if let Some(settled) = self.settled {
            settled(Some(last));
        }
        for (position, event) in (base.0 + 1..).zip(self.events) {
            if event.kind == EntryKind::Live {
                notices.push(Notice::Event(Arc::new(event.into_entry(Position(position), &self.room))));
            }
        }
    }
}

impl NewEntry {
    pub fn into_entry(self, position: Position, room: &RoomFacts) -> Entry {
        Entry {
            position,
            place: self.place,
            nid: self.nid,
            room_nid: room.nid,
            kind: self.kind,
            room_id: Arc::clone(&room.room_id),
            event_id: self.event_id,
            sender: self.sender.1,
            event_type: self.event_type,
            state_key: self.state_key.map(|(_, key, _)| key),
            origin_server_ts: self.origin_server_ts,
            interest: self.interest,
            quiet: self.quiet,
            transaction: self.transaction,
            json: self.json,
        }
    }
}
