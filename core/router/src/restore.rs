//! What the last process left of a destination.

use causeway_store::{DestinationRow, EventNid, Exception, Position, Store, StoreError};

use crate::state::{PAGE, State};

pub(crate) async fn restore(store: &Store, mut row: DestinationRow, batch: usize) -> Result<State, StoreError> {
    let exceptions = store.exceptions(row.nid).await?;
    let dead: Vec<Position> = store.dead_letters(row.nid).await?.iter().map(|letter| letter.position).collect();
    if let Some(events) = &row.in_flight
        && !was_next(store, &row, events, &exceptions, &dead).await?
    {
        row.in_flight = None;
    }
    Ok(State::restore(row, exceptions, dead.len() as u64, batch))
}

/// Whether the transaction in flight has what comes next in the log, or exceptions. One that was recorded in the commit
/// of its own events has not, when others were committed between: then it was never sent, and its id stays unused.
async fn was_next(
    store: &Store,
    row: &DestinationRow,
    events: &[EventNid],
    exceptions: &[Exception],
    dead: &[Position],
) -> Result<bool, StoreError> {
    let is_exception = |position: Position| exceptions.iter().any(|exception| exception.position == position);
    let flight = store.entries(events).await?;
    let Some(last) = flight.iter().map(|entry| entry.position).max() else { return Ok(false) };
    if flight.iter().all(|entry| is_exception(entry.position)) {
        return Ok(true);
    }
    let mut after = row.cursor;
    loop {
        let page = store.log_interested(row.nid, after, PAGE).await?;
        for entry in page.iter().filter(|entry| entry.position <= last) {
            let is_known =
                events.contains(&entry.nid) || is_exception(entry.position) || dead.contains(&entry.position);
            if !is_known {
                return Ok(false);
            }
        }
        match page.last() {
            Some(entry) if entry.position < last && page.len() >= PAGE => after = entry.position,
            _ => return Ok(true),
        }
    }
}
