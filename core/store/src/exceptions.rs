//! Entries that a destination's cursor has passed and that are not done yet.

use crate::{DestinationNid, EventNid, Position, RoomNid, Row, Statement, Store, StoreError, values};

const SELECT: &str = "select position, event, room, kind, reason, attempts, since from exceptions \
             where destination = $1 order by position";
const PUT: &str = "insert into exceptions (destination, position, event, room, kind, reason, attempts, since) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (destination, position) do update \
         set kind = excluded.kind, reason = excluded.reason, attempts = excluded.attempts";
const DELETE: &str = "delete from exceptions where destination = $1 and position = $2";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[SELECT, PUT, DELETE];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExceptionKind {
    /// taken, but not settled
    Pending,
    /// taken once, not settled, and failed alone when it was offered again
    Split,
    /// a dead letter that is tried again
    Late,
}

impl ExceptionKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Split => "split",
            Self::Late => "late",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "pending" => Ok(Self::Pending),
            "split" => Ok(Self::Split),
            "late" => Ok(Self::Late),
            other => Err(StoreError::Inconsistent { what: format!("exceptions.kind {other:?}"), source: None }),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    pub position: Position,
    pub event: EventNid,
    pub room: RoomNid,
    pub kind: ExceptionKind,
    pub reason: String,
    pub attempts: u32,
    /// milliseconds since the Unix epoch
    pub since: i64,
}

impl Store {
    /// A destination's exceptions in log order.
    pub async fn exceptions(&self, nid: DestinationNid) -> Result<Vec<Exception>, StoreError> {
        self.fetch(SELECT, values![nid.0]).await?.iter().map(Exception::read).collect()
    }
}

/// Writes an exception, or what it has become.
pub fn put_exception(nid: DestinationNid, exception: &Exception) -> Statement {
    Statement::new(
        PUT,
        values![
            nid.0,
            exception.position.0,
            exception.event.0,
            exception.room.0,
            exception.kind.as_str(),
            exception.reason.as_str(),
            exception.attempts,
            exception.since,
        ],
    )
}

pub fn delete_exception(nid: DestinationNid, position: Position) -> Statement {
    Statement::new(DELETE, values![nid.0, position.0])
}

impl Exception {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            position: Position(row.get(0)?),
            event: EventNid(row.get(1)?),
            room: RoomNid(row.get(2)?),
            kind: ExceptionKind::parse(&row.get::<String>(3)?)?,
            reason: row.get(4)?,
            attempts: row.get::<i64>(5)?.try_into().unwrap_or(u32::MAX),
            since: row.get(6)?,
        })
    }
}
