//! Windows on a room's timeline: entries by place.

use std::sync::Arc;

use crate::entries::events;
use crate::{Entry, EventNid, Place, Position, RoomNid, StateNid, Store, StoreError, StoredEvent, values};

const BACKWARD: &str =
    events!("where e.room = $1 and e.place < $2 and e.place >= $3 and e.kind in (0, 1) order by e.place desc limit $4");
const FORWARD: &str =
    events!("where e.room = $1 and e.place >= $2 and e.place < $3 and e.kind in (0, 1) order by e.place limit $4");
const PLACE_AFTER: &str = "select place from events where room = $1 and kind = 0 and position <= $2 \
    order by place desc limit 1";
const STATE_BEFORE: &str = "select state from events where room = $1 and place < $2 and kind in (0, 1) \
    order by place desc limit 1";
const STATE_AFTER: &str = "select state from events where nid = $1";
const AT_OR_AFTER_TIME: &str =
    events!("where e.room = $1 and e.ts >= $2 and e.kind in (0, 1) order by e.ts, e.place limit 1");
const AT_OR_BEFORE_TIME: &str =
    events!("where e.room = $1 and e.ts <= $2 and e.kind in (0, 1) order by e.ts desc, e.place desc limit 1");
const FIRST_MESSAGE: &str =
    events!("where e.room = $1 and e.kind in (0, 1) and e.state_key is null order by e.place limit 1");
const CHAIN: &str = "with recursive chain (nid, replaces, place) as ( \
    select nid, replaces, place from events where nid = $1 union all \
    select e.nid, e.replaces, e.place from events e join chain on e.nid = chain.replaces where chain.place >= $2) \
    select nid from chain order by place";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[
    BACKWARD,
    FORWARD,
    PLACE_AFTER,
    STATE_BEFORE,
    STATE_AFTER,
    AT_OR_AFTER_TIME,
    AT_OR_BEFORE_TIME,
    FIRST_MESSAGE,
    CHAIN,
];

impl Store {
    /// Entries before a place and not before another, newest first.
    pub async fn timeline_backward(
        &self,
        room: RoomNid,
        before: Place,
        down_to: Place,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.fetch_events(BACKWARD, values![room.0, before.0, down_to.0, limit as i64]).await
    }

    /// Entries from a place on and before another, oldest first.
    pub async fn timeline_forward(
        &self,
        room: RoomNid,
        from: Place,
        before: Place,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.fetch_events(FORWARD, values![room.0, from.0, before.0, limit as i64]).await
    }

    /// The first in the timeline that is no state event.
    pub async fn first_message(&self, room: RoomNid) -> Result<Option<StoredEvent>, StoreError> {
        Ok(self.fetch_events(FIRST_MESSAGE, values![room.0]).await?.pop())
    }

    /// The place just after the last live entry that a position covers; 0 when it covers none.
    pub async fn place_after(&self, room: RoomNid, position: Position) -> Result<Place, StoreError> {
        let row = self.fetch_optional(PLACE_AFTER, values![room.0, position.0]).await?;
        row.map_or(Ok(Place(0)), |row| Ok(Place(row.get::<i64>(0)? + 1)))
    }

    /// The state before whatever stands at a place; none at the room's beginning.
    pub async fn state_before(&self, room: RoomNid, place: Place) -> Result<Option<StateNid>, StoreError> {
        let row = self.fetch_optional(STATE_BEFORE, values![room.0, place.0]).await?;
        row.map(|row| row.get(0).map(StateNid)).transpose()
    }

    pub async fn state_after(&self, event: EventNid) -> Result<Option<StateNid>, StoreError> {
        let row = self.fetch_optional(STATE_AFTER, values![event.0]).await?;
        row.map(|row| row.get(0).map(StateNid)).transpose()
    }

    /// The entry nearest to a time, not before it or not after it.
    pub async fn entry_by_time(&self, room: RoomNid, ts: i64, after: bool) -> Result<Option<StoredEvent>, StoreError> {
        let sql = if after { AT_OR_AFTER_TIME } else { AT_OR_BEFORE_TIME };
        Ok(self.fetch_events(sql, values![room.0, ts]).await?.pop())
    }

    /// A state event and those that had its type and state key before it, oldest first: back to the one in force at a
    /// place.
    pub async fn state_chain(&self, event: EventNid, place: Place) -> Result<Vec<Arc<Entry>>, StoreError> {
        let rows = self.fetch(CHAIN, values![event.0, place.0]).await?;
        let nids = rows.iter().map(|row| row.get(0).map(EventNid)).collect::<Result<Vec<_>, _>>()?;
        self.entries(&nids).await
    }
}
