//! What the last process left of a destination.

use causeway_store::{DeadLetter, DestinationRow, EventNid, LaneRow, Position, Store, StoreError, Stretch};

use crate::state::{Interrupted, Stored, Way};

pub(crate) async fn restore(store: &Store, mut row: DestinationRow) -> Result<Stored, StoreError> {
    let nid = row.nid;
    let lanes = store.lanes(nid).await?;
    let exceptions = store.exceptions(nid).await?;
    let dead = store.dead_letters(nid).await?;
    let mut interrupted = Vec::new();
    for lane in &lanes {
        let way = if lane.room == LaneRow::REPLAY { Way::Replay } else { Way::Lane(lane.room) };
        let Some(events) = &lane.in_flight else { continue };
        interrupted.extend(load(store, way, lane.flight, events).await?);
    }
    if let Some(events) = row.in_flight.take()
        && let Some(mut flight) = load(store, Way::Log, row.flight, &events).await?
    {
        let is_exception = |position: Position| exceptions.iter().any(|exception| exception.position == position);
        if flight.entries.iter().all(|entry| is_exception(entry.position)) {
            flight.way = Way::Exceptions;
            interrupted.push(flight);
        } else if is_next(store, &row, &lanes, &dead, &flight).await? {
            interrupted.push(flight);
        }
    }
    let dead_letters = dead.into_iter().map(|letter| letter.position).collect();
    Ok(Stored { row, lanes, exceptions, dead_letters, interrupted })
}

/// None when an entry is gone from the log: its transaction would have other entries than before.
async fn load(store: &Store, way: Way, serial: u64, events: &[EventNid]) -> Result<Option<Interrupted>, StoreError> {
    let mut entries = store.entries(events).await?;
    entries.sort_by_key(|entry| entry.position);
    let is_whole = entries.len() == events.len() && !entries.is_empty();
    Ok(is_whole.then_some(Interrupted { way, serial, entries }))
}

/// Whether the transaction has all that comes next. One that was recorded in the commit of its own events has not when
/// others were committed between: then it was never sent, and its id stays unused.
async fn is_next(
    store: &Store,
    row: &DestinationRow,
    lanes: &[LaneRow],
    dead: &[DeadLetter],
    flight: &Interrupted,
) -> Result<bool, StoreError> {
    let Some((first, last)) = flight.entries.first().zip(flight.entries.last()) else { return Ok(false) };
    let stretch = Stretch { after: row.cursor, until: last.position };
    let mut others = 0;
    for lane in lanes {
        others += store.count_interested_in_room(row.nid, lane.room, stretch).await?;
    }
    let is_skipped = |letter: &&DeadLetter| {
        letter.position > stretch.after
            && letter.position <= stretch.until
            && lanes.iter().all(|lane| lane.room != letter.room)
    };
    others += dead.iter().filter(is_skipped).count() as u64;
    let all = store.count_interested(row.nid, stretch).await?;
    Ok(first.position > row.cursor && all == others + flight.entries.len() as u64)
}
