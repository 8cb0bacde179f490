//! Where a batch goes that is older than the room's messages.
//!
//! ```text
//!   create  join  name │ ←── older batches │ the last batch │ first message  …  newest event
//!                      └ the state that all of them stand in, and the event that the oldest hangs on
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use causeway_room::{Draft, Pdu};
use causeway_store::{EventNid, KeyNid, Place, StateNid, StoreError};
use ruma::OwnedEventId;

use super::Rooms;
use super::batch::BatchError;
use super::building::{Building, Built};
use super::requests::SendError;
use super::snapshot::RoomSnapshot;

/// Between inserted neighbors, while there is room enough.
const STRIDE: i64 = 1 << 10;

/// Events in a row before others get the thread.
const UNINTERRUPTED: usize = 32;

/// Where the past is inserted: before a room's first message. Kept with the room, since a batch only moves its own events
/// before the end; a purge may take the first message away, and what is inserted then still is before all that are left.
#[derive(Clone)]
pub(super) struct Edge {
    /// the place of the first message, or of what was inserted last
    end: Place,
    /// the state that all of them stand in, and the event that the oldest hangs on, with its place
    state: StateNid,
    previous: Arc<Pdu>,
    floor: Place,
}

impl Edge {
    /// None: the room has no message.
    pub async fn of(rooms: &Rooms, room: &RoomSnapshot) -> Result<Option<Self>, SendError> {
        if let Some(edge) = &room.edge {
            return Ok(Some(edge.clone()));
        }
        match rooms.inner.store.first_message(room.facts().nid).await? {
            Some(event) => Self::read(rooms, room, event.entry.place).await.map(Some),
            None => Ok(None),
        }
    }

    /// Behind all that the room has.
    pub async fn at_end(rooms: &Rooms, room: &RoomSnapshot) -> Result<Self, SendError> {
        Self::read(rooms, room, room.end()).await
    }

    async fn read(rooms: &Rooms, room: &RoomSnapshot, end: Place) -> Result<Self, SendError> {
        let before = rooms.inner.store.timeline_backward(room.facts().nid, end, Place(i64::MIN), 1).await?.pop();
        let before = before.ok_or_else(|| inconsistent("a room without a create event"))?;
        let event_id = OwnedEventId::try_from(&*before.entry.event_id).map_err(|_| inconsistent("events.event_id"))?;
        let previous = Pdu::load(event_id, Box::from(&*before.entry.json), room.rules())
            .map_err(|_| inconsistent("events.pdu"))?;
        Ok(Self { end, state: before.state, previous: Arc::new(previous), floor: before.entry.place })
    }
}

pub(super) struct Past {
    /// of the next event
    place: i64,
    stride: i64,
    edge: Edge,
    edge_after: Edge,
    /// what the next event hangs on
    previous: Arc<Pdu>,
    /// state events of the batch
    keys: HashMap<KeyNid, EventNid>,
    inserted: usize,
}

impl Past {
    /// Room for `count` events.
    pub fn before(edge: Edge, count: usize) -> Result<Self, BatchError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let free = edge.end.0 - edge.floor.0 - 1;
        let stride = stride(free, count).ok_or(BatchError::Full(free))?;
        let place = edge.end.0 - stride * count;
        let previous = Arc::clone(&edge.previous);
        let edge_after = Edge { end: Place(place), ..edge.clone() };
        Ok(Self { place, stride, edge, edge_after, previous, keys: HashMap::new(), inserted: 0 })
    }

    /// Where the next batch goes; none where state was inserted, which may stand before the first message then.
    pub fn edge_after(&self) -> Option<Edge> {
        self.keys.is_empty().then(|| self.edge_after.clone())
    }

    /// Builds the next event and puts it in its place. It is authorized by the state of now and leaves that as it is.
    pub async fn insert(
        &mut self,
        rooms: &Rooms,
        building: &mut Building,
        draft: Draft,
        event_id: Option<&OwnedEventId>,
    ) -> Result<Arc<Pdu>, SendError> {
        let store = &rooms.inner.store;
        let previous = [Arc::clone(&self.previous)];
        let (pdu, auth) = building.build(rooms, draft, &previous, event_id)?;
        let pdu = Arc::new(pdu);
        let nid = EventNid(store.reserve(1).await?);
        let sender = store.intern_user(pdu.sender().as_str()).await?;
        let event_type: Arc<str> = pdu.event_type().to_string().into();
        let mut key = None;
        if let Some(state_key) = pdu.state_key() {
            let interned = store.intern_key(&event_type, state_key).await?;
            key = Some((interned, self.replaces(rooms, building, interned, &event_type, state_key).await?));
            self.keys.insert(interned, nid);
        }
        self.previous = Arc::clone(&pdu);
        let built = Built { nid, pdu: Arc::clone(&pdu), event_type, sender, auth, key };
        building.insert(built, Place(self.place), self.edge.state);
        self.place += self.stride;
        self.inserted += 1;
        if self.inserted.is_multiple_of(UNINTERRUPTED) {
            tokio::task::yield_now().await;
        }
        Ok(pdu)
    }

    /// What had the key at this place.
    async fn replaces(
        &self,
        rooms: &Rooms,
        building: &Building,
        key: KeyNid,
        event_type: &str,
        state_key: &str,
    ) -> Result<Option<EventNid>, StoreError> {
        if let Some(event) = self.keys.get(&key) {
            return Ok(Some(*event));
        }
        let Some(now) = building.room().state().get(event_type, state_key) else { return Ok(None) };
        let chain = rooms.inner.store.state_chain(now.nid, self.edge.end).await?;
        Ok(chain.first().filter(|entry| entry.place < self.edge.end).map(|entry| entry.nid))
    }
}

/// From one event to the next, when `count` are to go where `free` places are; none: they don't fit.
fn stride(free: i64, count: i64) -> Option<i64> {
    match free / count.max(1) {
        0 => None,
        places if places >= STRIDE => Some(STRIDE),
        _ => Some(1),
    }
}

fn inconsistent(what: &str) -> SendError {
    SendError::Store(StoreError::Inconsistent { what: what.to_owned(), source: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::PLACE_STEP;

    #[test]
    fn millions_fit_before_the_first_message_and_the_last_places_are_used_up() {
        let (mut free, mut taken) = (PLACE_STEP - 1, 0);
        while let Some(stride) = stride(free, 10_000) {
            free -= stride * 10_000;
            taken += 10_000;
        }
        assert!(taken > 4_000_000, "{taken}");
        assert!(free < 10_000, "{free}");
        assert_eq!(stride(free, free), Some(1));
        assert_eq!(stride(0, 1), None);
    }
}
