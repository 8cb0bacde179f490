//! A lane: entries that go their own way in their own order, beside the destination's cursor.

use std::collections::VecDeque;
use std::sync::Arc;

use causeway_store::{Entry, EventNid, LaneRow, Position, RoomNid};
use tokio::time::Instant;

use super::flights::Flight;
use super::trial::{Pace, Trial};

pub(super) struct Lane {
    /// everything of it up to here is done
    pub cursor: Position,
    pub waiting: VecDeque<Arc<Entry>>,
    /// more of it waits in the log, after `read`
    pub behind: bool,
    pub read: Position,
    pub pace: Pace,
    /// of its first entry, when that failed alone
    pub trial: Option<Trial>,
    /// it has a row
    pub stored: bool,
    /// the row is not what is here
    pub dirty: bool,
}

impl Lane {
    /// Empty; what comes after `cursor` is pushed.
    pub fn new(cursor: Position, most: usize) -> Self {
        Self {
            cursor,
            waiting: VecDeque::new(),
            behind: false,
            read: cursor,
            pace: Pace::new(most),
            trial: None,
            stored: false,
            dirty: true,
        }
    }

    /// As it was stored: what it has to take is read from the log.
    pub fn restored(row: &LaneRow, most: usize, now: Instant) -> Self {
        let trial = (row.attempts > 0).then(|| Trial::restored(row.attempts, row.reason.clone(), row.since, now));
        Self { behind: true, trial, stored: true, dirty: false, ..Self::new(row.cursor, most) }
    }

    /// A new entry. One that finds no room in memory is read later.
    pub fn push(&mut self, entry: &Arc<Entry>) {
        if self.behind || entry.position <= self.read {
            return;
        }
        if self.waiting.len() >= self.pace.most {
            self.behind = true;
        } else {
            self.read = entry.position;
            self.waiting.push_back(Arc::clone(entry));
        }
    }

    /// Puts entries back that came before all that waits.
    pub fn push_front(&mut self, entries: Vec<Arc<Entry>>) {
        for entry in entries.into_iter().rev() {
            self.read = self.read.max(entry.position);
            self.waiting.push_front(entry);
        }
    }

    /// A transaction up to `upto` is not repeated; these of its entries are still to be sent.
    pub fn put_back(&mut self, entries: Vec<Arc<Entry>>, upto: Position) {
        if entries.is_empty() {
            self.advance(upto);
        }
        self.push_front(entries);
        self.dirty = true;
    }

    /// Whether the log is to be read before the next transaction, so that it is a full one.
    pub fn wants_page(&self) -> bool {
        let first = self.waiting.front().map_or(Position(i64::MAX), |entry| entry.position);
        self.behind && self.trial.is_none() && self.waiting.len() < self.pace.size(first)
            || self.behind && self.waiting.is_empty()
    }

    pub fn page(&mut self, entries: Vec<Arc<Entry>>, is_last: bool) {
        self.behind = !is_last;
        for entry in entries {
            if entry.position > self.read {
                self.read = entry.position;
                self.waiting.push_back(entry);
            }
        }
    }

    pub fn is_due(&self, now: Instant) -> bool {
        self.trial.as_ref().is_none_or(|trial| trial.due <= now)
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && !self.behind
    }

    /// Its next transaction.
    pub fn depart(&mut self) -> Vec<Arc<Entry>> {
        let Some(first) = self.waiting.front() else { return Vec::new() };
        let size = if self.trial.is_some() { 1 } else { self.pace.size(first.position) };
        let count = size.min(self.waiting.len());
        self.waiting.drain(..count).collect()
    }

    /// Everything up to there is done.
    pub fn advance(&mut self, upto: Position) {
        self.cursor = self.cursor.max(upto);
        self.read = self.read.max(upto);
        self.trial = None;
        self.dirty = true;
    }

    /// What it still has to take up to there is not owed any more.
    pub fn lapse(&mut self, upto: Position) {
        if self.cursor >= upto {
            return;
        }
        let before = self.waiting.len();
        self.waiting.retain(|entry| entry.position > upto);
        let trial = self.trial.take().filter(|_| before == self.waiting.len());
        self.advance(upto);
        self.trial = trial;
    }

    pub fn row(&self, room: RoomNid, flight: Option<&Flight>) -> LaneRow {
        let in_flight: Option<Vec<EventNid>> = flight.map(Flight::events);
        LaneRow {
            room,
            epoch: None,
            cursor: self.cursor,
            until: None,
            flight: flight.map_or(0, |flight| flight.serial),
            in_flight,
            attempts: self.trial.as_ref().map_or(0, |trial| trial.attempts),
            reason: self.trial.as_ref().map_or_else(String::new, |trial| trial.reason.clone()),
            since: self.trial.as_ref().map_or(0, |trial| trial.since),
        }
    }
}
