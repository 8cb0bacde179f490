//! Lanes: rooms of a destination that go their own way, and its replay.

use crate::destinations::{entries_from, entries_to};
use crate::{DestinationNid, EventNid, Position, RoomNid, Row, Statement, Store, StoreError, values};

/// One way of a destination beside its cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneRow {
    /// a room, or [`LaneRow::REPLAY`]
    pub room: RoomNid,
    /// first half of its transactions' ids; none: the destination's
    pub epoch: Option<String>,
    /// everything of it up to here is done
    pub cursor: Position,
    /// of a replay: its last position
    pub until: Option<Position>,
    /// second half of its last transaction's id
    pub flight: u64,
    /// entries of that transaction while it is unanswered
    pub in_flight: Option<Vec<EventNid>>,
    /// how often its first entry failed alone; 0: it did not
    pub attempts: u32,
    pub reason: String,
    /// first failure, milliseconds since the Unix epoch
    pub since: i64,
}

const SELECT: &str = "select room, epoch, cursor, until, flight, in_flight, attempts, reason, since from lanes \
    where destination = $1 order by room";
const PUT: &str = "insert into lanes (destination, room, epoch, cursor, until, flight, in_flight, attempts, reason, since) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (destination, room) do update \
    set epoch = excluded.epoch, cursor = excluded.cursor, until = excluded.until, flight = excluded.flight, \
    in_flight = excluded.in_flight, attempts = excluded.attempts, reason = excluded.reason, since = excluded.since";
const DELETE: &str = "delete from lanes where destination = $1 and room = $2";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[SELECT, PUT, DELETE];

impl LaneRow {
    /// Not a room: the lane of a replay.
    pub const REPLAY: RoomNid = RoomNid(0);
}

impl Store {
    /// A destination's lanes.
    pub async fn lanes(&self, nid: DestinationNid) -> Result<Vec<LaneRow>, StoreError> {
        self.fetch(SELECT, values![nid.0]).await?.iter().map(LaneRow::read).collect()
    }
}

/// Writes a lane, or what it has become.
pub fn put_lane(nid: DestinationNid, lane: &LaneRow) -> Statement {
    Statement::new(
        PUT,
        values![
            nid.0,
            lane.room.0,
            lane.epoch.as_deref(),
            lane.cursor.0,
            lane.until.map(|until| until.0),
            lane.flight,
            lane.in_flight.as_deref().map(entries_to),
            lane.attempts,
            lane.reason.as_str(),
            lane.since,
        ],
    )
}

/// The room goes with the others again; to be committed with the cursor that has passed the lane's.
pub fn delete_lane(nid: DestinationNid, room: RoomNid) -> Statement {
    Statement::new(DELETE, values![nid.0, room.0])
}

impl LaneRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let in_flight: Option<String> = row.get(5)?;
        Ok(Self {
            room: RoomNid(row.get(0)?),
            epoch: row.get(1)?,
            cursor: Position(row.get(2)?),
            until: row.get::<Option<i64>>(3)?.map(Position),
            flight: row.get::<i64>(4)? as u64,
            in_flight: in_flight.map(|text| entries_from(&text)).transpose()?,
            attempts: row.get::<i64>(6)?.try_into().unwrap_or(u32::MAX),
            reason: row.get(7)?,
            since: row.get(8)?,
        })
    }
}
