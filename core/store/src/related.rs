//! Events that relate to an event, as `m.relates_to` of those that came says.

use crate::entries::events;
use crate::{Place, RoomNid, Row, Store, StoreError, StoredEvent, Value, values};

const TO: &str = "select e.event_id, x.rel_type, x.event_type, u.user_id, e.place, e.redacted_by from relations x \
    join events e on e.nid = x.event join users u on u.nid = x.sender \
    where x.target in ($1, $2, $3, $4, $5, $6, $7, $8) and x.room = $9 and e.kind in (0, 1) order by e.place";
const TO_OF: &str = "select x.target from relations x where x.target in ($1, $2, $3, $4, $5, $6, $7, $8) and x.room = $9 \
    group by x.target";
const BACKWARD: &str = events!(
    "join relations x on x.event = e.nid where x.target = $1 and e.room = $2 and e.place < $3 and e.place >= $4 \
    and e.kind in (0, 1) and e.redacted_by is null order by e.place desc limit $5"
);
const FORWARD: &str = events!(
    "join relations x on x.event = e.nid where x.target = $1 and e.room = $2 and e.place >= $3 and e.place < $4 \
    and e.kind in (0, 1) and e.redacted_by is null order by e.place limit $5"
);
const THREADS: &str = events!(
    "join (select x.target, max(l.place) as latest from relations x join events l on l.nid = x.event \
    where x.room = $1 and x.rel_type = 'm.thread' and l.kind in (0, 1) and l.redacted_by is null group by x.target) h \
    on h.target = e.event_id where e.room = $2 and h.latest < $3 and e.kind in (0, 1) order by h.latest desc limit $4"
);

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[TO, TO_OF, BACKWARD, FORWARD, THREADS];

/// One event that relates to another.
#[derive(Clone, Debug)]
pub struct RelationRow {
    pub event_id: String,
    pub rel_type: String,
    pub event_type: String,
    pub sender: String,
    pub place: Place,
    pub redacted: bool,
}

impl Store {
    /// Which of these events (8 at most) something relates to.
    pub async fn related_to(&self, room: RoomNid, targets: &[&str]) -> Result<Vec<String>, StoreError> {
        self.fetch(TO_OF, eight(targets, room)).await?.iter().map(|row| row.get(0)).collect()
    }

    /// What relates to an event, oldest first.
    pub async fn relations_to(&self, room: RoomNid, target: &str) -> Result<Vec<RelationRow>, StoreError> {
        self.fetch(TO, eight(&[target], room)).await?.iter().map(RelationRow::read).collect()
    }

    /// What relates to an event and is not redacted: backward from before `from` down to `to`, or forward from `from`
    /// to before `to`.
    pub async fn related_entries(
        &self,
        target: &str,
        room: RoomNid,
        from: Place,
        to: Place,
        backward: bool,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let sql = if backward { BACKWARD } else { FORWARD };
        self.fetch_events(sql, values![target, room.0, from.0, to.0, limit as i64]).await
    }

    /// Roots of threads whose newest event is before a place, that with the newest first.
    pub async fn thread_roots(
        &self,
        room: RoomNid,
        before: Place,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.fetch_events(THREADS, values![room.0, room.0, before.0, limit as i64]).await
    }
}

fn eight(targets: &[&str], room: RoomNid) -> Vec<Value> {
    let mut args: Vec<Value> = targets.iter().take(8).map(|target| Value::from(*target)).collect();
    // No event has an empty id.
    args.resize(8, Value::from(""));
    args.push(room.0.into());
    args
}

impl RelationRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            event_id: row.get(0)?,
            rel_type: row.get(1)?,
            event_type: row.get(2)?,
            sender: row.get(3)?,
            place: Place(row.get(4)?),
            redacted: row.get::<Option<i64>>(5)?.is_some(),
        })
    }
}
