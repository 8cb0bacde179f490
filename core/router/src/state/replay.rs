//! A replay: a piece of the log that is delivered once more, marked, under an epoch of its own, beside what is new.

use std::sync::Arc;

use causeway_store::{Entry, LaneRow, Position};
use tokio::time::Instant;

use super::State;
use super::flights::Way;
use super::lane::Lane;

/// Entries of one read.
pub(crate) const REPLAY_PAGE: usize = 100;

pub(super) struct Replay {
    pub epoch: String,
    serial: u64,
    pub until: Position,
    pub lane: Lane,
}

impl Replay {
    pub fn restored(row: &LaneRow, most: usize, now: Instant) -> Option<Self> {
        let (epoch, until) = row.epoch.clone().zip(row.until)?;
        Some(Self { epoch, serial: row.flight, until, lane: Lane::restored(row, most, now) })
    }

    pub fn row(&self, flight: Option<&super::flights::Flight>) -> LaneRow {
        LaneRow {
            epoch: Some(self.epoch.clone()),
            until: Some(self.until),
            flight: self.serial,
            ..self.lane.row(LaneRow::REPLAY, flight)
        }
    }
}

impl State {
    /// Delivers once more what was delivered between two positions, the first not included. False: there is a replay
    /// already.
    pub fn replay(&mut self, epoch: String, after: Position, until: Position, now: Instant) -> bool {
        if self.replay.is_some() {
            return false;
        }
        let mut lane = Lane::new(after, self.batch);
        lane.behind = true;
        lane.stored = self.closed.remove(&LaneRow::REPLAY);
        self.replay = Some(Replay { epoch, serial: 0, until: until.min(self.cursor), lane });
        self.moved = true;
        self.write_soon(now);
        true
    }

    /// Ends a replay before its end. What is being delivered of it is not repeated.
    pub fn cancel_replay(&mut self, now: Instant) -> bool {
        let Some(replay) = self.replay.take() else { return false };
        if self.flights.get(&Way::Replay).is_some_and(|flight| !flight.away) {
            self.flights.remove(&Way::Replay);
        }
        self.forget_replay(&replay);
        self.write_soon(now);
        true
    }

    fn forget_replay(&mut self, replay: &Replay) {
        if replay.lane.stored {
            self.closed.insert(LaneRow::REPLAY);
        }
        self.moved = true;
    }

    /// Answers [`super::Reading::Replay`]. What is not done yet comes by its own way.
    pub fn replay_page(&mut self, entries: Vec<Arc<Entry>>) {
        let is_last = entries.len() < REPLAY_PAGE;
        let last = entries.last().map(|entry| entry.position);
        let is_done = |entry: &Arc<Entry>| {
            let lane = self.lanes.get(&entry.room_nid);
            !self.exceptions.contains_key(&entry.position) && lane.is_none_or(|lane| entry.position <= lane.cursor)
        };
        let entries: Vec<_> = entries.into_iter().filter(is_done).collect();
        if let Some(replay) = &mut self.replay {
            replay.lane.page(entries, is_last);
            replay.lane.read = replay.lane.read.max(last.unwrap_or_default());
        }
        self.end_replay();
    }

    pub(super) fn depart_replay(&mut self, now: Instant) -> bool {
        let Some(replay) = &mut self.replay else { return false };
        let entries = replay.lane.depart();
        if entries.is_empty() {
            return false;
        }
        replay.serial += 1;
        replay.lane.dirty = true;
        self.moved = true;
        let serial = replay.serial;
        self.courtesy.departs(now);
        self.launch_under(serial, Way::Replay, entries, None);
        true
    }

    /// Ends the replay when nothing is left of it.
    pub(super) fn end_replay(&mut self) {
        let is_over = self.replay.as_ref().is_some_and(|replay| replay.lane.is_empty());
        if is_over
            && !self.flights.contains_key(&Way::Replay)
            && let Some(replay) = self.replay.take()
        {
            self.forget_replay(&replay);
        }
    }
}
