//! The transaction in flight to a destination, and the cursor that moves once it is answered.

use crate::committer::tables::{Kind, Table};
use crate::{DestinationNid, EventNid, Position, Statement, Value, values};

/// A later serial always counts; the same one only when it ends the transaction that it recorded.
pub(crate) static CURSORS: Table = Table {
    columns: &[
        ("destination", Kind::Int),
        ("serial", Kind::Int),
        ("cursor", Kind::Int),
        ("receipts", Kind::Int),
        ("in_flight", Kind::Text),
    ],
    body: "update cursors set serial = v.serial, cursor = v.cursor, receipts = v.receipts, in_flight = v.in_flight \
        from {v} as v where cursors.destination = v.destination and (cursors.serial < v.serial \
        or (cursors.serial = v.serial and v.in_flight is null))",
    exact: false,
};

/// Records a transaction before its first try, and with it how far the destination is by now. Writes nothing when a
/// later one is recorded already.
pub fn record_transaction(
    nid: DestinationNid,
    serial: u64,
    cursor: Position,
    receipts: Position,
    entries: &[EventNid],
) -> Statement {
    let entries = serde_json::to_string(&entries.iter().map(|nid| nid.0).collect::<Vec<_>>())
        .expect("a list of integers can be written as JSON");
    Statement::row(&CURSORS, values![nid.0, serial, cursor.0, receipts.0, entries])
}

/// All transactions up to `serial` are answered or were never sent: moves the cursor without a next one.
pub fn advance_cursor(nid: DestinationNid, serial: u64, cursor: Position, receipts: Position) -> Statement {
    Statement::row(&CURSORS, values![nid.0, serial, cursor.0, receipts.0, Value::Null])
}
