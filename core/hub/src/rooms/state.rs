//! The state of a room as a value: a clone shares everything, so builder, readers and commits in flight each have theirs.

use std::sync::Arc;

use causeway_room::Pdu;
use causeway_store::{EventNid, KeyNid};
use rpds::HashTrieMapSync;

/// One event of the state.
#[derive(Clone, Debug)]
pub struct StateEvent {
    pub nid: EventNid,
    pub key: KeyNid,
    pub pdu: Arc<Pdu>,
}

type ByKey = HashTrieMapSync<Arc<str>, StateEvent>;

/// Events by type and state key.
#[derive(Clone, Debug, Default)]
pub struct RoomState {
    types: HashTrieMapSync<Arc<str>, ByKey>,
}

impl RoomState {
    pub fn get(&self, event_type: &str, state_key: &str) -> Option<&StateEvent> {
        self.types.get(event_type)?.get(state_key)
    }

    pub(super) fn insert(&mut self, event: StateEvent) {
        let event_type: Arc<str> = event.pdu.event_type().to_string().into();
        let state_key: Arc<str> = event.pdu.state_key().unwrap_or_default().into();
        let mut keys = self.types.get(&event_type).cloned().unwrap_or_default();
        keys.insert_mut(state_key, event);
        self.types.insert_mut(event_type, keys);
    }

    /// Events of one type with their state keys.
    pub fn of_type(&self, event_type: &str) -> impl Iterator<Item = (&str, &StateEvent)> {
        self.types.get(event_type).into_iter().flat_map(|keys| keys.iter().map(|(key, event)| (&**key, event)))
    }

    pub fn len(&self) -> usize {
        self.types.values().map(|keys| keys.size()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &StateEvent> {
        self.types.values().flat_map(|keys| keys.values())
    }
}
