//! How much is tried at once, and what is known of an entry that failed alone.

use std::time::Duration;

use causeway_store::Position;
use tokio::time::Instant;

use crate::timing::{Timing, now_ms};

/// A transaction that would take longer than this is made smaller: a timeout repeats all of it.
const SLOW: Duration = Duration::from_secs(10);

/// How many entries go into one transaction: half after a failure, twice as many after a success.
pub(super) struct Pace {
    limit: usize,
    pub most: usize,
    /// One of the entries up to here was not answered: until then they go one at a time.
    careful: Position,
}

impl Pace {
    pub fn new(most: usize) -> Self {
        Self { limit: most, most, careful: Position(0) }
    }

    /// `next` is the first entry's position.
    pub fn size(&self, next: Position) -> usize {
        if next <= self.careful { 1 } else { self.limit.clamp(1, self.most) }
    }

    pub fn taken(&mut self, count: usize, took: Duration) {
        let each = took.div_f64(count.max(1) as f64);
        let in_time = SLOW.as_nanos().checked_div(each.as_nanos()).map_or(self.most, |fit| fit.max(1) as usize);
        self.limit = (self.limit * 2).min(self.most).min(in_time);
    }

    pub fn failed(&mut self, count: usize) {
        self.limit = (count / 2).max(1);
    }

    /// Halving would wait for the same silence again and again.
    pub fn unanswered(&mut self, upto: Position) {
        self.careful = self.careful.max(upto);
    }
}

/// An entry that failed alone and is tried again by and by.
#[derive(Clone)]
pub(super) struct Trial {
    /// failures that count: see [`Evidence`]
    pub attempts: u32,
    pub reason: String,
    /// milliseconds since the Unix epoch
    pub since: i64,
    /// when it is tried again
    pub due: Instant,
    pub tries: u32,
    /// the turns of its first failure and of its last
    pub first_turn: u64,
    pub last_turn: u64,
}

/// What else happened, when an entry fails alone: only that tells poison from an outage.
pub(super) struct Evidence {
    pub turn: u64,
    /// of the last success
    pub taken_turn: u64,
    /// no other entry failed since
    pub only_this: bool,
}

impl Trial {
    /// One whose first failure is still to come.
    pub fn new(turn: u64, now: Instant) -> Self {
        let reason = String::new();
        Self { attempts: 0, reason, since: now_ms(), due: now, tries: 0, first_turn: turn, last_turn: turn }
    }

    /// As it was stored.
    pub fn restored(attempts: u32, reason: String, since: i64, now: Instant) -> Self {
        Self { attempts, reason, since, tries: 1, ..Self::new(0, now) }
    }

    /// It failed alone once more. True: it is poison, and is given up.
    pub fn fails(&mut self, reason: &str, evidence: &Evidence, now: Instant, timing: &Timing) -> bool {
        if self.attempts == 0 {
            self.first_turn = evidence.turn;
        }
        let others_are_taken =
            evidence.taken_turn > self.last_turn || (evidence.only_this && evidence.taken_turn > self.first_turn);
        if self.attempts == 0 || others_are_taken {
            self.attempts += 1;
        }
        self.last_turn = evidence.turn;
        reason.clone_into(&mut self.reason);
        self.tries += 1;
        self.due = now + timing.delay(self.tries);
        self.attempts >= timing.tries && others_are_taken
    }
}
