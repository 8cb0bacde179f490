//! What of a queue has to be written, and when.

use causeway_store::{
    LaneRow, Position, Progress, Statement, advance_cursor, delete_exception, delete_lane, put_exception, put_lane,
    record_transaction,
};
use tokio::time::Instant;

use super::State;
use super::flights::Way;

impl State {
    pub(super) fn progress(&self) -> Progress {
        Progress { serial: self.serial, cursor: self.cursor, receipts: self.mark.durable }
    }

    /// Records the transactions that are to be sent, and all else that has changed.
    pub(super) fn record(&mut self) -> Vec<Statement> {
        self.moved = true;
        let statements = self.rows();
        for flight in self.flights.values_mut().filter(|flight| !flight.recorded) {
            flight.recording = true;
        }
        self.writing = true;
        statements
    }

    pub(super) fn write_due(&mut self, now: Instant) -> Option<Vec<Statement>> {
        if self.write_by.is_some_and(|by| by <= now) { self.write() } else { None }
    }

    /// None while a transaction is being recorded by somebody else: its statement must find the cursor's row as it was.
    pub(super) fn write(&mut self) -> Option<Vec<Statement>> {
        if self.prepared.is_some() {
            return None;
        }
        let statements = self.rows();
        self.writing = !statements.is_empty();
        (!statements.is_empty()).then_some(statements)
    }

    pub(super) fn has_unwritten(&self) -> bool {
        self.moved || !self.dirty.is_empty() || !self.letters.is_empty() || !self.aside.when_taken.is_empty()
    }

    /// Whether everything that is known here is on disk.
    pub fn is_written(&self) -> bool {
        !self.has_unwritten() && !self.writing
    }

    /// Moves the cursor of a destination at rest to `seen`, so that the next start need not read the log from long ago.
    pub fn catch_up(&mut self, seen: Position) -> Option<Statement> {
        if !self.is_at_rest() || self.cursor >= seen {
            return None;
        }
        self.cursor = seen;
        self.scanned = self.scanned.max(seen);
        self.read = self.read.max(seen);
        self.moved = false;
        self.write_by = None;
        Some(advance_cursor(self.nid, self.progress()))
    }

    /// One commit: the cursor passes only what is in flight, with a lane, or an exception.
    fn rows(&mut self) -> Vec<Statement> {
        let mut statements = std::mem::take(&mut self.letters);
        statements.append(&mut self.aside.when_taken);
        for position in std::mem::take(&mut self.dirty) {
            statements.push(match self.exceptions.get(&position) {
                Some(open) => put_exception(self.nid, &open.row(position)),
                None => delete_exception(self.nid, position),
            });
        }
        self.write_by = None;
        if !std::mem::take(&mut self.moved) {
            return statements;
        }
        for room in std::mem::take(&mut self.closed) {
            statements.push(delete_lane(self.nid, room));
        }
        statements.extend(self.lane_rows().iter().map(|row| put_lane(self.nid, row)));
        let progress = self.progress();
        let main = self.flights.get(&Way::Log).or_else(|| self.flights.get(&Way::Exceptions));
        statements.push(match main {
            Some(flight) => record_transaction(self.nid, progress, flight.serial, &flight.events()),
            None => advance_cursor(self.nid, progress),
        });
        statements
    }

    fn lane_rows(&mut self) -> Vec<LaneRow> {
        let mut rows = Vec::new();
        for (room, lane) in &mut self.lanes {
            if std::mem::take(&mut lane.dirty) {
                lane.stored = true;
                rows.push(lane.row(*room, self.flights.get(&Way::Lane(*room))));
            }
        }
        if let Some(replay) = &mut self.replay
            && std::mem::take(&mut replay.lane.dirty)
        {
            replay.lane.stored = true;
            rows.push(replay.row(self.flights.get(&Way::Replay)));
        }
        rows
    }

    /// Answers [`super::Next::Write`]: it is on disk.
    pub fn written(&mut self) {
        self.writing = false;
        for flight in self.flights.values_mut().filter(|flight| flight.recording) {
            flight.recording = false;
            flight.recorded = true;
        }
    }

    pub(super) fn write_soon(&mut self, by: Instant) {
        self.write_by = Some(self.write_by.map_or(by, |already| already.min(by)));
    }

    /// What waits up to there is not owed any more, dead letters included. What is being delivered is answered first.
    pub fn lapse(&mut self, upto: Position, now: Instant) {
        self.lapsed = self.lapsed.max(upto);
        let ways: Vec<Way> = self.flights.iter().filter(|(_, flight)| !flight.away).map(|(way, _)| *way).collect();
        for way in ways {
            let touched = self.flights[&way].transaction.entries.iter().any(|entry| entry.position <= upto);
            if touched && let Some(flight) = self.flights.remove(&way) {
                self.dissolve(way, flight, &[]);
            }
        }
        self.ahead.retain(|entry| entry.position > upto);
        self.inbox.retain(|entry| entry.position > upto);
        if self.read < upto {
            self.read = upto;
        }
        let away: Vec<Position> = self
            .flights
            .values()
            .flat_map(|flight| flight.transaction.entries.iter().map(|entry| entry.position))
            .collect();
        let exceptions = self.exceptions.range(..=upto).map(|(position, _)| *position);
        for position in exceptions.filter(|position| !away.contains(position)).collect::<Vec<_>>() {
            self.exceptions.remove(&position);
            self.dirty.insert(position);
        }
        for position in self.dead_letters.range(..=upto).copied().collect::<Vec<_>>() {
            self.redeem(position);
        }
        for lane in self.lanes.values_mut().chain(self.replay.iter_mut().map(|replay| &mut replay.lane)) {
            lane.lapse(upto);
        }
        if !self.flights.contains_key(&Way::Log) {
            self.scanned = self.scanned.max(upto);
            self.advance(upto);
        }
        self.moved = true;
        self.lanes.keys().copied().collect::<Vec<_>>().into_iter().for_each(|room| self.close(room));
        self.end_replay();
        self.write_soon(now);
    }
}
