//! The state of a room at some event, as far as it differs from the state now.

use std::collections::HashMap;
use std::sync::Arc;

use causeway_room::trie::{self, Change, Node, TrieError};
use causeway_room::{Pdu, State};
use causeway_store::{EventNid, KeyNid, StateNid, StoreError};
use ruma::OwnedEventId;

use super::Timelines;
use crate::rooms::{RoomSnapshot, SendError};

/// A state of the room: that of now with some keys changed, or no state at all.
pub struct StateView {
    now: Option<Arc<RoomSnapshot>>,
    /// none: the key was not set
    changed: HashMap<KeyNid, Option<Arc<Pdu>>>,
}

impl StateView {
    /// As it is now.
    pub fn now(room: Arc<RoomSnapshot>) -> Self {
        Self { now: Some(room), changed: HashMap::new() }
    }

    /// Before the room's first event.
    pub fn empty() -> Self {
        Self { now: None, changed: HashMap::new() }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Pdu>> {
        let kept = self.now.iter().flat_map(|room| room.state().iter());
        let kept = kept.filter(|event| !self.changed.contains_key(&event.key)).map(|event| &event.pdu);
        kept.chain(self.changed.values().flatten())
    }

    pub fn get(&self, event_type: &str, state_key: &str) -> Option<&Arc<Pdu>> {
        let named = |pdu: &&Arc<Pdu>| pdu.state_key() == Some(state_key) && pdu.event_type().to_string() == event_type;
        self.changed.values().flatten().find(named).or_else(|| {
            let event = self.now.as_ref()?.state().get(event_type, state_key)?;
            (!self.changed.contains_key(&event.key)).then_some(&event.pdu)
        })
    }
}

impl Timelines {
    /// The state that the store keeps under a number; none is that before the first event.
    pub async fn state_view(&self, room: &Arc<RoomSnapshot>, at: Option<StateNid>) -> Result<StateView, SendError> {
        let Some(at) = at else { return Ok(StateView::empty()) };
        let changes = self.state_changes(room.state_nid(), at).await?;
        let pdus = self.pdus(room, changes.iter().filter_map(|change| change.after)).await?;
        let changed = changes.iter().map(|change| {
            (KeyNid(change.key.into()), change.after.and_then(|event| pdus.get(&EventNid(event as i64)).cloned()))
        });
        Ok(StateView { now: Some(Arc::clone(room)), changed: changed.collect() })
    }

    /// Events that a later state has and an earlier one has not.
    pub async fn state_delta(
        &self,
        room: &RoomSnapshot,
        before: Option<StateNid>,
        after: Option<StateNid>,
    ) -> Result<Vec<Arc<Pdu>>, SendError> {
        let (Some(before), Some(after)) = (before, after) else { return Ok(Vec::new()) };
        let changes = self.state_changes(before, after).await?;
        Ok(self.pdus(room, changes.iter().filter_map(|change| change.after)).await?.into_values().collect())
    }

    async fn pdus(
        &self,
        room: &RoomSnapshot,
        events: impl Iterator<Item = u64>,
    ) -> Result<HashMap<EventNid, Arc<Pdu>>, SendError> {
        let events: Vec<EventNid> = events.map(|event| EventNid(event as i64)).collect();
        let mut pdus = HashMap::with_capacity(events.len());
        for entry in self.store.entries(&events).await? {
            let id =
                OwnedEventId::try_from(&*entry.event_id).map_err(|error| inconsistent("events.event_id", error))?;
            let pdu = Pdu::load(id, Box::from(&*entry.json), room.rules())
                .map_err(|error| inconsistent("events.pdu", error))?;
            pdus.insert(entry.nid, Arc::new(pdu));
        }
        Ok(pdus)
    }

    async fn state_changes(&self, before: StateNid, after: StateNid) -> Result<Vec<Change>, SendError> {
        if before == after {
            return Ok(Vec::new());
        }
        let read = async |nid| {
            State::decode(&self.store.state(nid).await?).map_err(|error| inconsistent("states.state", error))
        };
        let (before, after) = (read(before).await?, read(after).await?);
        let mut nodes: HashMap<u64, Arc<Node>> = HashMap::new();
        loop {
            match before.diff(&nodes, &after) {
                Ok(changes) => return Ok(changes),
                Err(TrieError::Missing(missing)) => {
                    for (id, bytes) in missing.iter().zip(self.store.state_nodes(&missing).await?) {
                        let node = trie::decode(&bytes).map_err(|error| inconsistent("state_nodes.node", error))?;
                        nodes.insert(*id, Arc::new(node));
                    }
                }
                Err(error) => return Err(inconsistent("states", error)),
            }
        }
    }
}

fn inconsistent(what: &str, source: impl std::error::Error + Send + Sync + 'static) -> SendError {
    SendError::Store(StoreError::Inconsistent { what: what.to_owned(), source: Some(Box::new(source)) })
}
