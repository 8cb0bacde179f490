//! The transaction in flight to a destination, and the cursor that moves once it is answered.

use crate::committer::tables::{Kind, Table};
use crate::destinations::entries_to;
use crate::{DestinationNid, EventNid, Position, Statement, values};

/// A serial that is behind the stored one never counts.
pub(crate) static CURSORS: Table = Table {
    columns: &[
        ("destination", Kind::Int),
        ("serial", Kind::Int),
        ("cursor", Kind::Int),
        ("receipts", Kind::Int),
        ("in_flight", Kind::Text),
        ("flight", Kind::Int),
    ],
    body: "update cursors set serial = v.serial, cursor = v.cursor, receipts = v.receipts, in_flight = v.in_flight, \
        flight = v.flight from {v} as v where cursors.destination = v.destination and cursors.serial <= v.serial",
    exact: false,
};

/// How far a destination is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// second half of the last transaction's id, whatever lane it went by
    pub serial: u64,
    pub cursor: Position,
    pub receipts: Position,
}

/// Records a transaction before its first try, and with it how far the destination is by now; or says once more that it
/// is in flight. `flight` is its own serial. Writes nothing when a later one is recorded already.
pub fn record_transaction(nid: DestinationNid, progress: Progress, flight: u64, entries: &[EventNid]) -> Statement {
    let Progress { serial, cursor, receipts } = progress;
    Statement::row(&CURSORS, values![nid.0, serial, cursor.0, receipts.0, entries_to(entries), flight])
}

/// No transaction is in flight but those of lanes: moves the cursor without a next one.
pub fn advance_cursor(nid: DestinationNid, progress: Progress) -> Statement {
    let Progress { serial, cursor, receipts } = progress;
    Statement::row(&CURSORS, values![nid.0, serial, cursor.0, receipts.0, None::<&str>, 0i64])
}
