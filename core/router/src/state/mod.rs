//! What the router knows of one destination, and what is to be done next. No I/O: the [worker](crate::worker) does that.
//!
//! ```text
//!   log:   ……… a1 b1 ┃ a2 b2 c1 ┃ b3 a3 c2 ………
//!              cursor┘ └in flight┘ └ahead, then inbox, then (when behind) the log itself
//!   exceptions: entries at or before the cursor that are not done: pending (taken, unsettled), split (failed alone),
//!   held (behind a split one of their room)
//! ```

mod answers;
mod isolation;
mod prepared;
mod reading;
#[cfg(test)]
mod tests;
mod writing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use causeway_store::{DestinationNid, DestinationRow, Entry, EventNid, Exception, ExceptionKind, Position, Statement};
use tokio::time::Instant;

use crate::destination::Transaction;
use crate::ephemeral::{DeviceChanges, EphemeralMark};
use crate::settle::Settled;
use crate::timing::Timing;

/// Entries that wait in memory for one destination; whoever has more waiting reads the log.
const INBOX: usize = 512;
/// Entries of one read of the log.
pub(crate) const PAGE: usize = 500;
/// Exceptions of one destination, at most: from then on it takes nothing new.
const EXCEPTIONS: usize = 10_000;
/// Tries alone after which an entry is a dead letter, if the destination takes other things meanwhile.
const TRIES: u32 = 5;
/// So many different entries failing one after the other look like an outage, not like poison.
const OUTAGE: usize = 3;
/// Messages to devices, or receipts, of one transaction.
const EPHEMERALS: usize = 100;
/// How long a prepared transaction is waited for before looking again.
const PREPARED_TICK: Duration = Duration::from_millis(20);

/// What the worker has to do now.
pub(crate) enum Next {
    /// Hand this over and tell [`State::answered`].
    Deliver(Arc<Transaction>),
    /// Look up what these state events replaced and tell [`State::completed`].
    Complete(Vec<EventNid>),
    /// Commit this and tell [`State::written`].
    Write(Vec<Statement>),
    /// Look these up and tell [`State::loaded`].
    Load(Vec<EventNid>),
    /// Read the log after this position and tell [`State::page`].
    Read(Position),
    /// Ask what is new after the mark, about so much of it, and tell [`State::told`].
    Ask(EphemeralMark, usize),
    /// Nothing before that moment, or a wake-up.
    Sleep(Instant),
    /// Nothing at all: the worker ends.
    Rest,
}

/// Where the entries of a transaction come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// the log; the cursor moves to here once they are taken
    Log(Position),
    Exceptions,
    /// no entries; this mark is reached once it is taken
    Ephemeral(EphemeralMark),
}

struct Flight {
    transaction: Arc<Transaction>,
    origin: Origin,
    recorded: bool,
    /// it says what its state events replaced
    complete: bool,
    /// to be written once it is taken
    when_taken: Vec<Statement>,
}

/// An exception with what needs not survive a restart.
struct Open {
    row: Exception,
    /// when to try it alone again
    due: Instant,
    tries: u32,
    /// the turn of its first failure
    failed_turn: u64,
    /// a pending one that is to be offered again
    revived: bool,
}

/// A transaction recorded in a commit of somebody else's that is still on its way.
struct Prepared {
    serial: u64,
    events: Vec<EventNid>,
    committed: Option<Position>,
}

/// The last thing that went wrong.
#[derive(Clone, Debug, serde::Serialize)]
pub struct LastError {
    pub reason: String,
    /// milliseconds since the Unix epoch
    pub at: i64,
}

pub(crate) struct State {
    pub nid: DestinationNid,
    epoch: String,
    serial: u64,
    cursor: Position,
    mark: EphemeralMark,
    flight: Option<Flight>,
    /// entries of a transaction from before the start, still to be looked up
    interrupted: Option<Vec<EventNid>>,
    chosen: Option<Vec<EventNid>>,
    prepared: Option<Prepared>,

    ahead: VecDeque<Arc<Entry>>,
    inbox: VecDeque<Arc<Entry>>,
    /// the inbox has gaps: read the log
    behind: bool,
    read: Position,
    pub batch: usize,
    limit: usize,

    exceptions: BTreeMap<Position, Open>,
    /// exceptions whose row is not what is here
    dirty: BTreeSet<Position>,
    /// settled before the destination's answer came
    early: Vec<(Position, Settled)>,
    dead: Vec<Statement>,
    pub dead_letters: u64,
    /// the cursor's row is not what is here
    moved: bool,
    write_by: Option<Instant>,
    /// a commit is on its way, and whether it records the transaction in flight
    writing: bool,
    recording: bool,

    wants_ephemeral: bool,
    /// the same, before any more events
    wants_devices: bool,
    ephemeral_serial: u64,
    ephemeral_limit: usize,
    ephemeral_failures: u32,
    /// the turn of the first of these failures
    ephemeral_failed_turn: u64,
    /// not asked for before then: the last was refused
    ephemeral_due: Option<Instant>,
    /// what goes with the mark that was reached
    when_taken: Vec<Statement>,

    hold: Option<Instant>,
    held_since: Option<Instant>,
    failures: u32,
    turn: u64,
    taken_turn: u64,
    /// entries that failed alone since anything was taken
    failing: BTreeSet<Position>,

    pub paused: bool,
    pub removed: bool,
    /// a worker task exists
    pub running: bool,
    pub last_error: Option<LastError>,
    pub last_success: Option<i64>,
}

impl State {
    /// As it was when the last process ended.
    pub fn restore(row: DestinationRow, exceptions: Vec<Exception>, dead_letters: u64, batch: usize) -> Self {
        let now = Instant::now();
        let exceptions = exceptions.into_iter().map(|row| {
            // Whoever holds a pending entry has forgotten it by now: it is offered again.
            let revived = row.kind == ExceptionKind::Pending;
            (row.position, Open { row, due: now, tries: 1, failed_turn: 0, revived })
        });
        Self {
            nid: row.nid,
            epoch: row.epoch,
            serial: row.serial,
            cursor: row.cursor,
            mark: EphemeralMark { durable: row.receipts, lossy: 0 },
            flight: None,
            interrupted: row.in_flight.filter(|entries| !entries.is_empty()),
            chosen: None,
            prepared: None,
            ahead: VecDeque::new(),
            inbox: VecDeque::new(),
            behind: true,
            read: row.cursor,
            batch,
            limit: batch,
            exceptions: exceptions.collect(),
            dirty: BTreeSet::new(),
            early: Vec::new(),
            dead: Vec::new(),
            dead_letters,
            moved: false,
            write_by: None,
            writing: false,
            recording: false,
            wants_ephemeral: true,
            wants_devices: true,
            ephemeral_serial: 0,
            ephemeral_limit: EPHEMERALS,
            ephemeral_failures: 0,
            ephemeral_failed_turn: 0,
            ephemeral_due: None,
            when_taken: Vec::new(),
            hold: None,
            held_since: None,
            failures: 0,
            turn: 0,
            taken_turn: 0,
            failing: BTreeSet::new(),
            paused: row.paused,
            removed: false,
            running: false,
            last_error: None,
            last_success: None,
        }
    }

    /// `seen`: how far the dispatcher has come.
    pub fn next(&mut self, now: Instant, seen: Position, timing: &Timing) -> Next {
        loop {
            if self.removed {
                return self.rest();
            }
            if self.paused {
                return match self.write() {
                    Some(statements) => Next::Write(statements),
                    None => self.rest(),
                };
            }
            if let Some(until) = self.hold {
                if now < until {
                    return self.write_due(now).map_or(Next::Sleep(self.wake_at(until)), Next::Write);
                }
                self.hold = None;
            }
            if let Some(flight) = &self.flight {
                if !flight.recorded {
                    return Next::Write(self.record());
                }
                if !flight.complete {
                    let state_events = flight.transaction.entries.iter().filter(|entry| entry.state_key.is_some());
                    return Next::Complete(state_events.map(|entry| entry.nid).collect());
                }
                return Next::Deliver(Arc::clone(&flight.transaction));
            }
            if let Some(events) = self.interrupted.clone().or_else(|| self.chosen.clone()) {
                return Next::Load(events);
            }
            let may_ask = self.ephemeral_due.is_none_or(|due| due <= now);
            if self.wants_devices && may_ask {
                return self.ask();
            }
            if let Some(wait) = self.take_prepared(now, seen) {
                return Next::Sleep(wait);
            }
            if self.flight.is_some() {
                continue;
            }
            let (chosen, mut due) = self.choose(now);
            if !chosen.is_empty() {
                self.chosen = Some(chosen);
                continue;
            }
            if self.exceptions.len() < EXCEPTIONS {
                if self.depart() {
                    continue;
                }
                if self.behind && self.ahead.is_empty() {
                    self.behind = false;
                    self.inbox.clear();
                    return Next::Read(self.read);
                }
            }
            if self.wants_ephemeral && may_ask {
                return self.ask();
            }
            if self.wants_ephemeral || self.wants_devices {
                due = [due, self.ephemeral_due].into_iter().flatten().min();
            }
            if self.moved || !self.dirty.is_empty() || !self.dead.is_empty() || !self.when_taken.is_empty() {
                let by = *self.write_by.get_or_insert(now + timing.cursor_linger);
                if let Some(statements) = self.write_due(now) {
                    return Next::Write(statements);
                }
                return Next::Sleep(due.map_or(by, |due| due.min(by)));
            }
            return match due {
                Some(due) => Next::Sleep(due),
                None => self.rest(),
            };
        }
    }

    fn ask(&mut self) -> Next {
        self.wants_ephemeral = false;
        self.wants_devices = false;
        self.ephemeral_due = None;
        Next::Ask(self.mark, self.ephemeral_limit)
    }

    fn rest(&mut self) -> Next {
        self.running = false;
        Next::Rest
    }

    fn wake_at(&self, until: Instant) -> Instant {
        self.write_by.map_or(until, |by| by.min(until))
    }

    fn set_flight(&mut self, entries: Vec<Arc<Entry>>, origin: Origin, serial: u64, recorded: bool) {
        let transaction = Transaction {
            id: format!("{}-{serial}", self.epoch),
            attempt: 1,
            made: crate::timing::now_ms(),
            entries,
            replaced: Vec::new(),
            ephemeral: Vec::new(),
            to_device: Vec::new(),
            devices: DeviceChanges::default(),
        };
        let complete = transaction.entries.iter().all(|entry| entry.state_key.is_none());
        let transaction = Arc::new(transaction);
        self.flight = Some(Flight { transaction, origin, recorded, complete, when_taken: Vec::new() });
    }

    /// At the head of the log, with nothing to do but perhaps to write its cursor.
    fn is_at_rest(&self) -> bool {
        self.flight.is_none()
            && self.prepared.is_none()
            && self.interrupted.is_none()
            && self.chosen.is_none()
            && self.ahead.is_empty()
            && self.inbox.is_empty()
            && !self.behind
            && self.exceptions.is_empty()
            && self.dirty.is_empty()
            && self.dead.is_empty()
            && self.when_taken.is_empty()
            && !self.writing
            && self.hold.is_none()
            && !self.paused
            && !self.removed
    }

    pub fn cursor(&self) -> Position {
        self.cursor
    }

    pub fn read(&self) -> Position {
        self.read
    }

    pub fn is_behind(&self) -> bool {
        self.behind
    }

    pub fn held_until(&self) -> Option<Instant> {
        self.hold
    }

    pub fn in_flight(&self) -> Option<&Transaction> {
        self.flight.as_ref().map(|flight| &*flight.transaction)
    }

    /// Entries in memory that are still to be taken, the one in flight and the exceptions included.
    pub fn in_memory(&self) -> usize {
        let flight = match &self.flight {
            Some(Flight { transaction, origin: Origin::Log(_), .. }) => transaction.entries.len(),
            _ => 0,
        };
        flight + self.ahead.len() + self.inbox.len() + self.exceptions.len()
    }

    /// When the oldest of them was made, in milliseconds since the Unix epoch.
    pub fn oldest(&self) -> Option<i64> {
        let flight = self.flight.iter().flat_map(|flight| flight.transaction.entries.first());
        let waiting = flight.chain(self.ahead.front()).chain(self.inbox.front()).map(|entry| entry.origin_server_ts);
        waiting.chain(self.exceptions.values().map(|open| open.row.since)).min()
    }

    pub fn exceptions(&self) -> impl Iterator<Item = &Exception> {
        self.exceptions.values().map(|open| &open.row)
    }
}
