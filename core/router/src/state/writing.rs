//! What of a queue has to be written, and when.

use causeway_store::{
    EventNid, Position, Statement, advance_cursor, delete_exception, put_exception, record_transaction,
};
use tokio::time::Instant;

use super::State;

impl State {
    pub(super) fn record(&mut self) -> Vec<Statement> {
        let flight = self.flight.as_ref().expect("only a transaction in flight is recorded");
        let events: Vec<EventNid> = flight.transaction.entries.iter().map(|entry| entry.nid).collect();
        let mut statements = self.exception_rows();
        statements.push(record_transaction(self.nid, self.serial, self.cursor, self.mark.durable, &events));
        self.moved = false;
        self.write_by = None;
        self.writing = true;
        self.recording = true;
        statements
    }

    pub(super) fn write_due(&mut self, now: Instant) -> Option<Vec<Statement>> {
        if self.write_by.is_some_and(|by| by <= now) && self.prepared.is_none() { self.write() } else { None }
    }

    pub(super) fn write(&mut self) -> Option<Vec<Statement>> {
        let mut statements = self.exception_rows();
        if self.moved && self.flight.is_none() && self.prepared.is_none() {
            statements.push(advance_cursor(self.nid, self.serial, self.cursor, self.mark.durable));
            self.moved = false;
        }
        self.write_by = None;
        self.writing = !statements.is_empty();
        (!statements.is_empty()).then_some(statements)
    }

    /// Moves the cursor of a destination at rest to `seen`, so that the next start need not read the log from long ago.
    pub fn catch_up(&mut self, seen: Position) -> Option<Statement> {
        if !self.is_at_rest() || self.cursor >= seen {
            return None;
        }
        self.cursor = seen;
        self.read = self.read.max(seen);
        self.moved = false;
        self.write_by = None;
        Some(advance_cursor(self.nid, self.serial, self.cursor, self.mark.durable))
    }

    pub(super) fn exception_rows(&mut self) -> Vec<Statement> {
        let mut statements = std::mem::take(&mut self.dead);
        statements.append(&mut self.when_taken);
        for position in std::mem::take(&mut self.dirty) {
            statements.push(match self.exceptions.get(&position) {
                Some(open) => put_exception(self.nid, &open.row),
                None => delete_exception(self.nid, position),
            });
        }
        statements
    }

    /// Answers [`Next::Write`]: it is on disk.
    pub fn written(&mut self) {
        self.writing = false;
        if std::mem::take(&mut self.recording)
            && let Some(flight) = &mut self.flight
        {
            flight.recorded = true;
        }
    }

    pub(super) fn write_soon(&mut self, by: Instant) {
        self.write_by = Some(self.write_by.map_or(by, |already| already.min(by)));
    }
}
