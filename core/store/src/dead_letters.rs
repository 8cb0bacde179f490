//! Dead letters: what a destination could not take, kept with its reason.

use crate::{DestinationNid, EventNid, Position, RoomNid, Row, Statement, Store, StoreError, values};

const SELECT: &str = "select position, event, room, reason, attempts, since, died from dead_letters \
             where destination = $1 order by position";
const COUNT: &str = "select destination, count(*) from dead_letters group by destination";
const PUT: &str = "insert into dead_letters (destination, position, event, room, reason, attempts, since, died) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (destination, position) do update \
         set reason = excluded.reason, attempts = excluded.attempts, died = excluded.died";
const DELETE: &str = "delete from dead_letters where destination = $1 and position = $2";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[SELECT, COUNT, PUT, DELETE];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub position: Position,
    pub event: EventNid,
    pub room: RoomNid,
    pub reason: String,
    pub attempts: u32,
    /// first failure, milliseconds since the Unix epoch
    pub since: i64,
    /// given up, milliseconds since the Unix epoch
    pub died: i64,
}

impl Store {
    /// A destination's dead letters in log order.
    pub async fn dead_letters(&self, nid: DestinationNid) -> Result<Vec<DeadLetter>, StoreError> {
        self.fetch(SELECT, values![nid.0]).await?.iter().map(DeadLetter::read).collect()
    }

    /// (destination, number of dead letters) of all that have any.
    pub async fn dead_letter_counts(&self) -> Result<Vec<(DestinationNid, u64)>, StoreError> {
        self.fetch(COUNT, vec![])
            .await?
            .iter()
            .map(|row| Ok((DestinationNid(row.get(0)?), row.get::<i64>(1)? as u64)))
            .collect()
    }
}

pub fn put_dead_letter(nid: DestinationNid, letter: &DeadLetter) -> Statement {
    Statement::new(
        PUT,
        values![
            nid.0,
            letter.position.0,
            letter.event.0,
            letter.room.0,
            letter.reason.as_str(),
            letter.attempts,
            letter.since,
            letter.died,
        ],
    )
}

/// Nobody owes the destination this entry any more. Writes nothing when it is no dead letter.
pub fn forget_dead_letter(nid: DestinationNid, position: Position) -> Statement {
    Statement::new(DELETE, values![nid.0, position.0])
}

/// Refuses the commit with this label when there is no such dead letter.
pub fn delete_dead_letter(nid: DestinationNid, position: Position, label: &'static str) -> Statement {
    Statement::new(DELETE, values![nid.0, position.0]).or_lose(label)
}

impl DeadLetter {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            position: Position(row.get(0)?),
            event: EventNid(row.get(1)?),
            room: RoomNid(row.get(2)?),
            reason: row.get(3)?,
            attempts: row.get::<i64>(4)?.try_into().unwrap_or(u32::MAX),
            since: row.get(5)?,
            died: row.get(6)?,
        })
    }
}
