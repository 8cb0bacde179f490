//! What is told besides the log: typing and receipts after events, what is about devices before them, for those may be
//! encrypted with the keys in it. It needs no record: what a restart takes away is asked for again.

use causeway_store::{Position, Statement};
use tokio::time::Instant;

use super::flights::{Flight, Way};
use super::{Next, State};
use crate::destination::Transaction;
use crate::ephemeral::{EphemeralMark, Ephemerals};
use crate::timing::Timing;

/// Messages to devices, or receipts, of one transaction.
const EPHEMERALS: usize = 100;

pub(super) struct Aside {
    pub wants_ephemeral: bool,
    /// the same, before any more events
    pub wants_devices: bool,
    serial: u64,
    limit: usize,
    failures: u32,
    /// the turn of the first of these failures
    failed_turn: u64,
    /// not asked for before then: the last was refused
    pub due: Option<Instant>,
    /// of the transaction in flight: the mark that it reaches, and what goes with that
    reaches: (EphemeralMark, Vec<Statement>),
    /// what goes with the mark that was reached, and is not on disk
    pub when_taken: Vec<Statement>,
}

impl Aside {
    pub fn new() -> Self {
        Self {
            wants_ephemeral: true,
            wants_devices: true,
            serial: 0,
            limit: EPHEMERALS,
            failures: 0,
            failed_turn: 0,
            due: None,
            reaches: (EphemeralMark::default(), Vec::new()),
            when_taken: Vec::new(),
        }
    }

    /// When it may be asked for, if it is wanted and was refused.
    pub fn retry_at(&self) -> Option<Instant> {
        self.due.filter(|_| self.wants_ephemeral || self.wants_devices)
    }
}

impl State {
    pub(super) fn may_ask(&self, now: Instant) -> bool {
        self.aside.due.is_none_or(|due| due <= now) && !self.flights.contains_key(&Way::Aside)
    }

    pub(super) fn ask(&mut self) -> Next {
        self.aside.wants_ephemeral = false;
        self.aside.wants_devices = false;
        self.aside.due = None;
        Next::Ask(self.mark, self.aside.limit)
    }

    /// Whether something about devices is under way: events wait for it.
    pub(super) fn tells_devices(&self) -> bool {
        self.flights.get(&Way::Aside).is_some_and(|flight| flight.transaction.is_about_devices())
    }

    /// Answers [`Next::Ask`].
    pub fn told(&mut self, told: Ephemerals, process_epoch: &str) {
        if told.is_empty() {
            self.mark = told.until;
            self.aside.wants_ephemeral |= told.more;
            return;
        }
        // After a restart it is asked for anew and goes under an id of that process, so this one needs no record.
        self.aside.serial += 1;
        let transaction = Transaction {
            id: format!("{process_epoch}-{}e{}", self.nid.0, self.aside.serial),
            attempt: 1,
            made: crate::timing::now_ms(),
            entries: Vec::new(),
            redelivery: None,
            replaced: Vec::new(),
            ephemeral: told.events,
            to_device: told.to_device,
            devices: told.devices,
        };
        self.aside.reaches = (told.until, told.when_taken);
        self.flights.insert(Way::Aside, Flight::new(transaction, Position(0), 0, true));
    }

    pub fn want_ephemeral(&mut self) {
        self.aside.wants_ephemeral = true;
    }

    pub fn want_devices(&mut self) {
        self.aside.wants_devices = true;
    }

    pub(super) fn aside_taken(&mut self, flight: &Transaction, now: Instant) {
        self.reach();
        if !self.aside.when_taken.is_empty() {
            self.write_soon(now);
        }
        self.aside.failures = 0;
        self.aside.limit = (self.aside.limit * 2).min(EPHEMERALS);
        // there may be more
        self.aside.wants_ephemeral = true;
        self.aside.wants_devices |= flight.is_about_devices();
    }

    fn reach(&mut self) {
        let (mark, statements) = std::mem::take(&mut self.aside.reaches);
        self.moved |= mark.durable > self.mark.durable;
        self.mark = mark;
        self.aside.when_taken.extend(statements);
    }

    /// Events go on meanwhile. Less of it is tried next time; what fails alone, again and again while other things are
    /// taken, is given up.
    pub(super) fn aside_failed(&mut self, flight: &Transaction, reason: &str, now: Instant, timing: &Timing) {
        let aside = &mut self.aside;
        if aside.failures == 0 {
            aside.failed_turn = self.turn;
        }
        aside.failures += 1;
        aside.due = Some(now + timing.delay(aside.failures));
        let is_poison = aside.limit == 1 && self.taken_turn > aside.failed_turn;
        aside.limit = (aside.limit / 2).max(1);
        aside.wants_ephemeral = true;
        aside.wants_devices |= flight.is_about_devices();
        if is_poison && aside.failures >= timing.tries {
            tracing::warn!(
                destination = %self.name,
                reason,
                "gave up on messages to devices or receipts that a destination refuses"
            );
            aside.failures = 0;
            self.reach();
            self.moved = true;
        }
    }
}
