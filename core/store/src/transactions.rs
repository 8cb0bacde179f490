//! The transaction in flight to a destination, and the cursor that moves once it is answered.

use crate::{DestinationNid, EventNid, Position, Statement, values};

const RECORD: &str = "update cursors set serial = $1, cursor = $2, receipts = $3, in_flight = $4 \
         where destination = $5 and serial < $6";
const ADVANCE: &str = "update cursors set serial = $1, cursor = $2, receipts = $3, in_flight = null \
         where destination = $4 and serial <= $5";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[RECORD, ADVANCE];

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
    Statement::new(RECORD, values![serial, cursor.0, receipts.0, entries, nid.0, serial])
}

/// All transactions up to `serial` are answered or were never sent: moves the cursor without a next one.
pub fn advance_cursor(nid: DestinationNid, serial: u64, cursor: Position, receipts: Position) -> Statement {
    Statement::new(ADVANCE, values![serial, cursor.0, receipts.0, nid.0, serial])
}
