//! Read receipts: the newest of each user, type and thread.

use crate::{Place, Position, RoomNid, Row, Statement, Store, StoreError, Value, values};

/// Columns of [`ReceiptRow`].
macro_rules! receipts {
    ($rest:literal) => {
        concat!(
            "select m.room_id, c.user_id, c.type, c.thread, c.event_id, c.place, c.event_position, c.ts, c.position \
            from receipts c join rooms m on m.nid = c.room ",
            $rest
        )
    };
}

const AFTER: &str = receipts!("where c.position > $1 and c.position <= $2 order by c.position limit $3");
const OF_ROOM: &str = receipts!("where c.room = $1 order by c.position");
const OF_USER: &str = receipts!("where c.room = $1 and c.user_id = $2");
const PUT: &str = "insert into receipts (room, user_id, type, thread, event_id, place, event_position, ts, position) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (room, user_id, type, thread) do update set \
    event_id = excluded.event_id, place = excluded.place, event_position = excluded.event_position, \
    ts = excluded.ts, position = excluded.position where receipts.place < excluded.place";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[AFTER, OF_ROOM, OF_USER, PUT];

#[derive(Clone, Debug)]
pub struct ReceiptRow {
    pub room_id: String,
    pub user_id: String,
    /// `m.read` or `m.read.private`
    pub receipt_type: String,
    /// empty: unthreaded; `main`, or the event id of the thread's root
    pub thread: String,
    pub event_id: String,
    /// the event's
    pub place: Place,
    pub event_position: Position,
    /// milliseconds since the Unix epoch
    pub ts: i64,
    /// the receipt's own
    pub position: Position,
}

/// What a receipt says.
#[derive(Clone, Copy, Debug)]
pub struct NewReceipt<'a> {
    pub room: RoomNid,
    pub user_id: &'a str,
    pub receipt_type: &'a str,
    pub thread: &'a str,
    pub event_id: &'a str,
    pub place: Place,
    pub event_position: Position,
    pub ts: i64,
}

impl Store {
    /// Of all rooms, in order, at most `limit`.
    pub async fn receipts_after(
        &self,
        after: Position,
        to: Position,
        limit: usize,
    ) -> Result<Vec<ReceiptRow>, StoreError> {
        self.fetch(AFTER, values![after.0, to.0, limit as i64]).await?.iter().map(ReceiptRow::read).collect()
    }

    pub async fn receipts_of_room(&self, room: RoomNid) -> Result<Vec<ReceiptRow>, StoreError> {
        self.fetch(OF_ROOM, values![room.0]).await?.iter().map(ReceiptRow::read).collect()
    }

    pub async fn receipts_of_user(&self, room: RoomNid, user_id: &str) -> Result<Vec<ReceiptRow>, StoreError> {
        self.fetch(OF_USER, values![room.0, user_id]).await?.iter().map(ReceiptRow::read).collect()
    }
}

/// A receipt moves forward only: one for an older event changes nothing. Commit it with [`crate::Notice::Receipt`].
pub fn put_receipt(receipt: &NewReceipt<'_>) -> Statement {
    let mut args = values![
        receipt.room.0,
        receipt.user_id,
        receipt.receipt_type,
        receipt.thread,
        receipt.event_id,
        receipt.place.0,
        receipt.event_position.0,
        receipt.ts,
    ];
    args.push(Value::Position);
    Statement::new(PUT, args)
}

impl ReceiptRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            room_id: row.get(0)?,
            user_id: row.get(1)?,
            receipt_type: row.get(2)?,
            thread: row.get(3)?,
            event_id: row.get(4)?,
            place: Place(row.get(5)?),
            event_position: Position(row.get(6)?),
            ts: row.get(7)?,
            position: Position(row.get(8)?),
        })
    }
}
