//! Destinations: consumers of the log, their durable cursors and what is in flight to them.

use crate::{
    Commit, CommitError, DestinationNid, EventNid, Position, Row, Statement, Store, StoreError, Value, values,
};

/// A destination as it was last written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationRow {
    pub nid: DestinationNid,
    /// `appservice:{registration id}` or `login:{bridge id}:{login id}`
    pub id: String,
    /// first half of its transactions' ids
    pub epoch: String,
    /// second half of the last transaction's id
    pub serial: u64,
    /// everything it was interested in up to here is done, of a lane, an exception or a dead letter
    pub cursor: Position,
    /// the same for what is told besides the log: receipts, messages to devices, device lists
    pub receipts: Position,
    /// entries of the transaction under the serial `flight`, while that is unanswered
    pub in_flight: Option<Vec<EventNid>>,
    pub flight: u64,
    pub paused: bool,
    pub removed: bool,
}

const SELECT: &str = "select d.nid, d.destination, c.epoch, c.serial, c.cursor, c.receipts, c.in_flight, c.paused, \
     c.removed, c.flight from destinations d join cursors c on c.destination = d.nid order by d.nid";
const SELECT_ONE: &str = "select d.nid, d.destination, c.epoch, c.serial, c.cursor, c.receipts, c.in_flight, c.paused, \
     c.removed, c.flight from destinations d join cursors c on c.destination = d.nid where d.destination = $1";

const START: &str = "insert into cursors (destination, epoch, serial, cursor, receipts) \
     values ($1, $2, 0, $3, $4) on conflict (destination) do nothing";
const RESTART: &str = "update cursors set epoch = $1, serial = 0, cursor = $2, receipts = $3, in_flight = null, \
     paused = 0, removed = 0 where destination = $4";
const FORGET: [&str; 3] = [
    "delete from exceptions where destination = $1",
    "delete from lanes where destination = $1",
    "delete from dead_letters where destination = $1",
];
const PAUSE: &str = "update cursors set paused = $1 where destination = $2";
const REMOVE: &str = "update cursors set removed = 1, in_flight = null where destination = $1";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[SELECT, SELECT_ONE, START, RESTART, PAUSE, REMOVE];

impl Store {
    /// All destinations, the removed ones too.
    pub async fn destinations(&self) -> Result<Vec<DestinationRow>, StoreError> {
        self.fetch(SELECT, vec![]).await?.iter().map(DestinationRow::read).collect()
    }

    pub async fn destination(&self, id: &str) -> Result<Option<DestinationRow>, StoreError> {
        self.fetch(SELECT_ONE, values![id]).await?.first().map(DestinationRow::read).transpose()
    }

    /// The destination of this name; made when it is missing, at the present end of the log. One that was removed comes
    /// back there too, under a new epoch, without its old exceptions, lanes and dead letters.
    pub async fn ensure_destination(&self, id: &str, epoch: &str) -> Result<DestinationRow, CommitError> {
        let begin = match self.destination(id).await? {
            Some(row) if !row.removed => return Ok(row),
            Some(row) => restart(row.nid, epoch),
            None => vec![start(self.intern_destination(id).await?, epoch)],
        };
        self.commit(Commit::of(begin)).await?;
        let row = self.destination(id).await?;
        Ok(row.ok_or_else(|| StoreError::inconsistent("cursors lost a destination just written"))?)
    }
}

fn start(nid: DestinationNid, epoch: &str) -> Statement {
    Statement::new(START, vec![nid.0.into(), epoch.into(), Value::Position, Value::Position])
}

fn restart(nid: DestinationNid, epoch: &str) -> Vec<Statement> {
    let begin = Statement::new(RESTART, vec![epoch.into(), Value::Position, Value::Position, nid.0.into()]);
    let forget = FORGET.into_iter().map(|sql| Statement::new(sql, values![nid.0]));
    std::iter::once(begin).chain(forget).collect()
}

/// Holds a destination, or lets it go on.
pub fn pause_destination(nid: DestinationNid, paused: bool) -> Statement {
    Statement::new(PAUSE, values![paused, nid.0])
}

/// Ends a destination: nothing is delivered to it any more.
pub fn remove_destination(nid: DestinationNid) -> Statement {
    Statement::new(REMOVE, values![nid.0])
}

impl DestinationRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let in_flight: Option<String> = row.get(6)?;
        Ok(Self {
            nid: DestinationNid(row.get(0)?),
            id: row.get(1)?,
            epoch: row.get(2)?,
            serial: row.get::<i64>(3)? as u64,
            cursor: Position(row.get(4)?),
            receipts: Position(row.get(5)?),
            in_flight: in_flight.map(|text| entries_from(&text)).transpose()?,
            paused: row.get::<i64>(7)? != 0,
            removed: row.get::<i64>(8)? != 0,
            flight: row.get::<i64>(9)? as u64,
        })
    }
}

/// As a JSON list.
pub(crate) fn entries_to(entries: &[EventNid]) -> String {
    serde_json::to_string(&entries.iter().map(|nid| nid.0).collect::<Vec<_>>())
        .expect("a list of integers can be written as JSON")
}

pub(crate) fn entries_from(text: &str) -> Result<Vec<EventNid>, StoreError> {
    let nids: Vec<i64> = serde_json::from_str(text).map_err(|source| StoreError::Inconsistent {
        what: "in_flight of a destination".to_owned(),
        source: Some(Box::new(source)),
    })?;
    Ok(nids.into_iter().map(EventNid).collect())
}
