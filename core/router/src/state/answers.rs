//! What the destination's answer means for its queue.

use std::sync::Arc;
use std::time::Duration;

use causeway_store::{ExceptionKind, Position, Statement};
use tokio::time::Instant;

use super::{EPHEMERALS, Flight, LastError, Origin, State, TRIES};
use crate::destination::Delivered;
use crate::ephemeral::EphemeralMark;
use crate::timing::Timing;

/// A destination that calls all the time is not tried more often than this.
const SETTLED: Duration = Duration::from_millis(500);

impl State {
    /// Answers [`Next::Deliver`].
    pub fn answered(&mut self, answer: &Delivered, now: Instant, timing: &Timing) {
        let Some(flight) = self.flight.take() else { return };
        match answer {
            Delivered::Taken { pending } => self.taken(flight, pending, now, timing),
            Delivered::Held { reason, retry_after } => {
                self.error(reason);
                self.back_off(now, timing, *retry_after);
                self.keep(flight);
            }
            Delivered::Failed { reason } => {
                self.error(reason);
                self.turn += 1;
                self.failed(flight, reason, now, timing);
            }
        }
    }

    pub(super) fn taken(&mut self, flight: Flight, pending: &[Position], now: Instant, timing: &Timing) {
        self.turn += 1;
        self.taken_turn = self.turn;
        self.failing.clear();
        self.life();
        self.last_error = None;
        self.last_success = Some(crate::timing::now_ms());
        self.limit = (self.limit * 2).min(self.batch);
        match flight.origin {
            Origin::Log(upto) => {
                self.cursor = self.cursor.max(upto);
                self.moved = true;
            }
            Origin::Exceptions => {
                for entry in &flight.transaction.entries {
                    self.exceptions.remove(&entry.position);
                    self.dirty.insert(entry.position);
                }
                self.moved = true;
            }
            Origin::Ephemeral(mark) => {
                self.moved |= mark.durable > self.mark.durable;
                self.mark = mark;
                if !flight.when_taken.is_empty() {
                    self.when_taken.extend(flight.when_taken);
                    self.write_soon(now);
                }
                self.ephemeral_failures = 0;
                self.ephemeral_limit = (self.ephemeral_limit * 2).min(EPHEMERALS);
                // there may be more
                self.wants_ephemeral = true;
                self.wants_devices |= flight.transaction.is_about_devices();
            }
        }
        for entry in flight.transaction.entries.iter().filter(|entry| pending.contains(&entry.position)) {
            self.open(entry, ExceptionKind::Pending, "", flight.transaction.attempt);
        }
        if !pending.is_empty() {
            self.write_soon(now + timing.settle_linger);
        }
        for (position, settled) in std::mem::take(&mut self.early) {
            self.settle(position, &settled, now, timing);
        }
    }

    pub(super) fn failed(&mut self, mut flight: Flight, reason: &str, now: Instant, timing: &Timing) {
        let entries = &flight.transaction.entries;
        match (flight.origin, &entries[..]) {
            (Origin::Ephemeral(mark), _) => {
                let (when_taken, devices) =
                    (std::mem::take(&mut flight.when_taken), flight.transaction.is_about_devices());
                self.ephemeral_failed(mark, when_taken, reason, now, timing);
                self.wants_ephemeral = true;
                self.wants_devices |= devices;
            }
            (origin, [alone]) => {
                let alone = Arc::clone(alone);
                if let Origin::Log(upto) = origin {
                    self.cursor = self.cursor.max(upto);
                }
                self.moved = true;
                self.failed_alone(&alone, reason, now, timing);
            }
            (origin, several) => {
                // Half of them next time, and so on down to one; success doubles it again.
                self.limit = several.len() / 2;
                self.moved = true;
                if let Origin::Log(_) = origin {
                    let transaction = Arc::get_mut(&mut flight.transaction).map(|t| std::mem::take(&mut t.entries));
                    let entries = transaction.unwrap_or_else(|| flight.transaction.entries.clone());
                    entries.into_iter().rev().for_each(|entry| self.ahead.push_front(entry));
                }
            }
        }
    }

    /// Events go on meanwhile. Less of it is tried next time; what fails alone, again and again while other things are
    /// taken, is given up.
    fn ephemeral_failed(
        &mut self,
        mark: EphemeralMark,
        when_taken: Vec<Statement>,
        reason: &str,
        now: Instant,
        timing: &Timing,
    ) {
        if self.ephemeral_failures == 0 {
            self.ephemeral_failed_turn = self.turn;
        }
        self.ephemeral_failures += 1;
        self.ephemeral_due = Some(now + timing.delay(self.ephemeral_failures));
        let is_poison = self.ephemeral_limit == 1 && self.taken_turn > self.ephemeral_failed_turn;
        self.ephemeral_limit = (self.ephemeral_limit / 2).max(1);
        if is_poison && self.ephemeral_failures >= TRIES {
            tracing::warn!(
                destination = self.nid.0,
                reason,
                "gave up on messages to devices or receipts that a destination refuses"
            );
            self.mark = mark;
            self.moved = true;
            self.when_taken.extend(when_taken);
            self.ephemeral_failures = 0;
        }
    }

    pub(super) fn keep(&mut self, mut flight: Flight) {
        if matches!(flight.origin, Origin::Ephemeral(_)) && !flight.transaction.is_about_devices() {
            // what is new by then is asked for then
            self.wants_ephemeral = true;
            return;
        }
        match Arc::get_mut(&mut flight.transaction) {
            Some(transaction) => transaction.attempt += 1,
            None => debug_assert!(false, "an answered transaction has no other holder"),
        }
        self.flight = Some(flight);
    }

    pub(super) fn back_off(&mut self, now: Instant, timing: &Timing, retry_after: Option<Duration>) {
        self.failures += 1;
        let delay = timing.delay(self.failures).max(retry_after.unwrap_or_default()).min(timing.back_off_limit);
        self.hold = Some(now + delay);
        self.held_since = Some(now);
    }

    pub(super) fn error(&mut self, reason: &str) {
        self.last_error = Some(LastError { reason: reason.to_owned(), at: crate::timing::now_ms() });
    }

    /// A sign of life ends a back-off. One right after a try that was not taken says nothing new: false.
    pub fn alive(&mut self, now: Instant) -> bool {
        let ends = self.hold.is_some() && self.held_since.is_some_and(|since| now - since >= SETTLED);
        if ends {
            self.life();
        }
        ends
    }

    /// It is there: no back-off any more.
    pub fn life(&mut self) {
        self.hold = None;
        self.failures = 0;
    }
}
