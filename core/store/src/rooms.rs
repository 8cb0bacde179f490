//! Rooms as the newest commit left them; those with head 0 are buried.

use crate::{EventNid, Place, Position, RoomFacts, RoomNid, Row, StateNid, Store, StoreError, values};

const BY_ID: &str = "select nid, room_id, version, head, extremities, depth, last_place, last_position, state \
    from rooms where room_id = $1 and head <> 0";
const BY_NID: &str = "select nid, room_id, version, head, extremities, depth, last_place, last_position, state \
    from rooms where nid = $1 and head <> 0";
const PAGE: &str = "select nid, room_id, version, head, extremities, depth, last_place, last_position, state \
    from rooms where room_id > $1 and head <> 0 order by room_id limit $2";
const COUNT: &str = "select count(*) from rooms where head <> 0";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[BY_ID, BY_NID, PAGE, COUNT];

#[derive(Clone, Debug)]
pub struct RoomRow {
    pub facts: RoomFacts,
    pub head: EventNid,
    pub extremities: Vec<EventNid>,
    pub depth: i64,
    pub last_place: Place,
    pub last_position: Position,
    /// The state after the extremities.
    pub state: StateNid,
}

impl RoomRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let packed: Vec<u8> = row.get(4)?;
        let (events, rest) = packed.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(StoreError::inconsistent("rooms.extremities is not whole numbers"));
        }
        Ok(Self {
            facts: RoomFacts {
                nid: RoomNid(row.get(0)?),
                room_id: row.get::<String>(1)?.into(),
                version: row.get::<String>(2)?.into(),
            },
            head: EventNid(row.get(3)?),
            extremities: events.iter().map(|bytes| EventNid(i64::from_le_bytes(*bytes))).collect(),
            depth: row.get(5)?,
            last_place: Place(row.get(6)?),
            last_position: Position(row.get(7)?),
            state: StateNid(row.get(8)?),
        })
    }
}

impl Store {
    pub async fn room(&self, room_id: &str) -> Result<Option<RoomRow>, StoreError> {
        self.fetch_optional(BY_ID, values![room_id]).await?.as_ref().map(RoomRow::read).transpose()
    }

    pub async fn room_by_nid(&self, nid: RoomNid) -> Result<Option<RoomRow>, StoreError> {
        self.fetch_optional(BY_NID, values![nid.0]).await?.as_ref().map(RoomRow::read).transpose()
    }

    /// Rooms by id, after one (`""` begins).
    pub async fn rooms_after(&self, room_id: &str, limit: usize) -> Result<Vec<RoomRow>, StoreError> {
        self.fetch(PAGE, values![room_id, limit as i64]).await?.iter().map(RoomRow::read).collect()
    }

    pub async fn count_rooms(&self) -> Result<u64, StoreError> {
        let row = self.fetch_optional(COUNT, vec![]).await?;
        let count: i64 = row.ok_or_else(|| StoreError::inconsistent("count without a row"))?.get(0)?;
        Ok(count.max(0) as u64)
    }
}
