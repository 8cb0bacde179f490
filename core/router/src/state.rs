//! What the router knows of one destination, and what is to be done next. No I/O: the [worker](crate::worker) does that.
//!
//! ```text
//!   log:   ……… a1 b1 ┃ a2 b2 c1 ┃ b3 a3 c2 ………
//!              cursor┘ └in flight┘ └ahead, then inbox, then (when behind) the log itself
//!   exceptions: entries at or before the cursor that are not done: pending (taken, unsettled), split (failed alone),
//!   held (behind a split one of their room)
//! ```

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use causeway_store::{
    DestinationNid, DestinationRow, Entry, EventNid, Exception, ExceptionKind, Position, RoomNid, Statement,
    advance_cursor, delete_exception, put_dead_letter, put_exception, record_transaction,
};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::destination::{Delivered, Transaction};
use crate::ephemeral::{EphemeralMark, Ephemerals};
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
/// How long a prepared transaction is waited for before looking again.
const PREPARED_TICK: Duration = Duration::from_millis(20);

/// What the worker has to do now.
pub(crate) enum Next {
    /// Hand this over and tell [`State::answered`].
    Deliver(Arc<Transaction>),
    /// Commit this and tell [`State::written`].
    Write(Vec<Statement>),
    /// Look these up and tell [`State::loaded`].
    Load(Vec<EventNid>),
    /// Read the log after this position and tell [`State::page`].
    Read(Position),
    /// Ask what is new after the mark and tell [`State::told`].
    Ask(EphemeralMark),
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
    ephemeral_serial: u64,
    ephemeral_failures: u32,

    hold: Option<Instant>,
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
            mark: EphemeralMark { receipts: row.receipts, lossy: 0 },
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
            ephemeral_serial: 0,
            ephemeral_failures: 0,
            hold: None,
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

    /// New entries at the tail of the log, in order; those of one group together.
    pub fn push(&mut self, entries: &[Arc<Entry>]) {
        if self.behind {
            return;
        }
        if self.inbox.len() + entries.len() > INBOX {
            self.fall_behind();
        } else {
            self.inbox.extend(entries.iter().cloned());
        }
    }

    /// Something may have been missed: read the log.
    pub fn fall_behind(&mut self) {
        self.behind = true;
        self.inbox.clear();
    }

    pub fn want_ephemeral(&mut self) {
        self.wants_ephemeral = true;
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
                if flight.recorded {
                    return Next::Deliver(Arc::clone(&flight.transaction));
                }
                return Next::Write(self.record());
            }
            if let Some(events) = self.interrupted.clone().or_else(|| self.chosen.clone()) {
                return Next::Load(events);
            }
            if let Some(wait) = self.take_prepared(now, seen) {
                return Next::Sleep(wait);
            }
            if self.flight.is_some() {
                continue;
            }
            let (chosen, due) = self.choose(now);
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
            if self.wants_ephemeral {
                self.wants_ephemeral = false;
                return Next::Ask(self.mark);
            }
            if self.moved || !self.dirty.is_empty() || !self.dead.is_empty() {
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

    fn rest(&mut self) -> Next {
        self.running = false;
        Next::Rest
    }

    fn wake_at(&self, until: Instant) -> Instant {
        self.write_by.map_or(until, |by| by.min(until))
    }

    /// Makes the transaction that rode on somebody's commit the one in flight; or says until when to wait for it.
    fn take_prepared(&mut self, now: Instant, seen: Position) -> Option<Instant> {
        let prepared = self.prepared.as_ref()?;
        self.inbox.retain(|entry| entry.position > self.read);
        let count = prepared.events.len();
        let at_front = self.ahead.is_empty()
            && self.inbox.len() >= count
            && self.inbox.iter().zip(&prepared.events).all(|(entry, nid)| entry.nid == *nid);
        if at_front {
            let serial = prepared.serial;
            let entries: Vec<_> = self.inbox.drain(..count).collect();
            self.prepared = None;
            self.read = entries.last().map_or(self.read, |entry| entry.position);
            self.moved = false;
            self.write_by = None;
            self.set_flight(entries, Origin::Log(self.read), serial, true);
            return None;
        }
        let elsewhere = prepared.events.iter().any(|nid| self.inbox.iter().any(|entry| entry.nid == *nid));
        let passed = prepared.committed.is_some_and(|position| self.behind || seen >= position);
        if elsewhere || passed {
            // other entries came first: its id stays unused
            self.prepared = None;
            return None;
        }
        Some(now + PREPARED_TICK)
    }

    /// Entries that a commit under way will append may be recorded in it, when nothing else is to be done here.
    pub fn prepare(&mut self, events: Vec<EventNid>) -> Option<(u64, Statement)> {
        let at_rest = self.flight.is_none()
            && self.prepared.is_none()
            && self.interrupted.is_none()
            && self.chosen.is_none()
            && self.ahead.is_empty()
            && self.inbox.is_empty()
            && !self.behind
            && self.exceptions.is_empty()
            && self.dirty.is_empty()
            && self.dead.is_empty()
            && !self.writing
            && self.hold.is_none()
            && !self.paused
            && !self.removed;
        if !at_rest || events.is_empty() || events.len() > self.limit {
            return None;
        }
        self.serial += 1;
        let statement = record_transaction(self.nid, self.serial, self.cursor, self.mark.receipts, &events);
        self.prepared = Some(Prepared { serial: self.serial, events, committed: None });
        Some((self.serial, statement))
    }

    pub fn prepared_committed(&mut self, serial: u64, position: Position) {
        if let Some(prepared) = self.prepared.as_mut().filter(|prepared| prepared.serial == serial) {
            prepared.committed = Some(position);
        }
    }

    /// The commit that a prepared transaction rode on came to nothing; its id stays unused.
    pub fn prepared_withdrawn(&mut self, serial: u64) {
        if self.prepared.as_ref().is_some_and(|prepared| prepared.serial == serial) {
            self.prepared = None;
        }
    }

    /// Takes the next entries of the log into flight; those of blocked rooms become held. False: there are none.
    fn depart(&mut self) -> bool {
        let blocked = self.blocked_rooms();
        let mut entries = Vec::new();
        let mut upto = None;
        while entries.len() < self.limit && self.exceptions.len() < EXCEPTIONS {
            let Some(entry) = self.ahead.pop_front().or_else(|| self.inbox.pop_front()) else { break };
            if entry.position <= self.cursor || upto.is_some_and(|upto| entry.position <= upto) {
                continue;
            }
            if entry.position > self.read {
                self.read = entry.position;
            }
            upto = Some(entry.position);
            if self.exceptions.contains_key(&entry.position) {
                continue;
            }
            if blocked.contains(&entry.room_nid) {
                self.open(&entry, ExceptionKind::Held, "waits behind an entry of its room that failed", 0);
            } else {
                entries.push(entry);
            }
        }
        let Some(upto) = upto else { return false };
        if entries.is_empty() {
            self.cursor = upto;
            self.moved = true;
        } else {
            self.serial += 1;
            self.set_flight(entries, Origin::Log(upto), self.serial, false);
        }
        true
    }

    fn set_flight(&mut self, entries: Vec<Arc<Entry>>, origin: Origin, serial: u64, recorded: bool) {
        let id = format!("{}-{serial}", self.epoch);
        self.fly(id, entries, Vec::new(), origin, recorded);
    }

    fn fly(
        &mut self,
        id: String,
        entries: Vec<Arc<Entry>>,
        ephemeral: Vec<Box<RawValue>>,
        origin: Origin,
        recorded: bool,
    ) {
        let made = crate::timing::now_ms();
        let transaction = Transaction { id, attempt: 1, made, entries, ephemeral, to_device: Vec::new() };
        self.flight = Some(Flight { transaction: Arc::new(transaction), origin, recorded });
    }

    fn blocked_rooms(&self) -> HashSet<RoomNid> {
        self.exceptions
            .values()
            .filter(|open| open.row.kind != ExceptionKind::Pending)
            .map(|open| open.row.room)
            .collect()
    }

    /// Exceptions whose turn it is (those that wait for nothing together, else one split entry alone), and when the
    /// next one's comes.
    fn choose(&self, now: Instant) -> (Vec<EventNid>, Option<Instant>) {
        let mut blocked = HashSet::new();
        let mut ready = Vec::new();
        let mut first: Option<&Open> = None;
        for open in self.exceptions.values() {
            match open.row.kind {
                ExceptionKind::Split => {
                    let first_of_room = blocked.insert(open.row.room);
                    if first_of_room && first.is_none_or(|first| open.due < first.due) {
                        first = Some(open);
                    }
                }
                ExceptionKind::Pending if !open.revived => {}
                ExceptionKind::Pending | ExceptionKind::Held => {
                    if ready.len() < self.limit && !blocked.contains(&open.row.room) {
                        ready.push(open.row.event);
                    }
                }
            }
        }
        match first {
            _ if !ready.is_empty() => (ready, None),
            Some(open) if open.due <= now => (vec![open.row.event], None),
            Some(open) => (ready, Some(open.due)),
            None => (ready, None),
        }
    }

    /// Answers [`Next::Load`]. An entry that is gone from the log is not owed to anybody any more.
    pub fn loaded(&mut self, mut entries: Vec<Arc<Entry>>) {
        entries.sort_by_key(|entry| entry.position);
        let interrupted = self.interrupted.take();
        let wanted = interrupted.clone().or_else(|| self.chosen.take()).unwrap_or_default();
        let gone: Vec<Position> = self
            .exceptions
            .values()
            .filter(|open| wanted.contains(&open.row.event))
            .map(|open| open.row.position)
            .filter(|position| entries.iter().all(|entry| entry.position != *position))
            .collect();
        for position in gone {
            self.exceptions.remove(&position);
            self.dirty.insert(position);
        }
        let Some((first, last)) = entries.first().zip(entries.last()).map(|(f, l)| (f.position, l.position)) else {
            return;
        };
        let origin = if self.exceptions.contains_key(&first) { Origin::Exceptions } else { Origin::Log(last) };
        if interrupted.is_some() {
            // under its old id, with its old entries
            self.read = self.read.max(last);
            self.set_flight(entries, origin, self.serial, true);
        } else {
            let tried = |entry: &Arc<Entry>| self.exceptions.get(&entry.position).map_or(0, |open| open.row.attempts);
            let attempt = entries.iter().map(tried).max().unwrap_or(0) + 1;
            self.serial += 1;
            self.set_flight(entries, origin, self.serial, false);
            if let Some(transaction) = self.flight.as_mut().and_then(|flight| Arc::get_mut(&mut flight.transaction)) {
                transaction.attempt = attempt;
            }
        }
    }

    /// Answers [`Next::Read`].
    pub fn page(&mut self, entries: Vec<Arc<Entry>>) {
        if entries.len() >= PAGE {
            self.fall_behind();
        }
        if let Some(last) = entries.last() {
            self.read = last.position;
        }
        self.ahead.extend(entries);
    }

    /// The database did not answer: look again in a while.
    pub fn failed_to_read(&mut self, now: Instant, timing: &Timing) {
        self.fall_behind();
        self.hold = Some(now + timing.delay(1));
    }

    /// Answers [`Next::Ask`].
    pub fn told(&mut self, told: Ephemerals, process_epoch: &str) {
        if told.events.is_empty() {
            self.mark = told.until;
            return;
        }
        // Lossy and never repeated after a restart, so its id needs no record.
        self.ephemeral_serial += 1;
        let id = format!("{process_epoch}-{}e{}", self.nid.0, self.ephemeral_serial);
        self.fly(id, Vec::new(), told.events, Origin::Ephemeral(told.until), true);
    }

    fn record(&mut self) -> Vec<Statement> {
        let flight = self.flight.as_ref().expect("only a transaction in flight is recorded");
        let events: Vec<EventNid> = flight.transaction.entries.iter().map(|entry| entry.nid).collect();
        let mut statements = self.exception_rows();
        statements.push(record_transaction(self.nid, self.serial, self.cursor, self.mark.receipts, &events));
        self.moved = false;
        self.write_by = None;
        self.writing = true;
        self.recording = true;
        statements
    }

    fn write_due(&mut self, now: Instant) -> Option<Vec<Statement>> {
        if self.write_by.is_some_and(|by| by <= now) && self.prepared.is_none() { self.write() } else { None }
    }

    fn write(&mut self) -> Option<Vec<Statement>> {
        let mut statements = self.exception_rows();
        if self.moved && self.flight.is_none() && self.prepared.is_none() {
            statements.push(advance_cursor(self.nid, self.serial, self.cursor, self.mark.receipts));
            self.moved = false;
        }
        self.write_by = None;
        self.writing = !statements.is_empty();
        (!statements.is_empty()).then_some(statements)
    }

    fn exception_rows(&mut self) -> Vec<Statement> {
        let mut statements = std::mem::take(&mut self.dead);
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

    fn taken(&mut self, flight: Flight, pending: &[Position], now: Instant, timing: &Timing) {
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
                self.moved |= mark.receipts > self.mark.receipts;
                self.mark = mark;
                self.ephemeral_failures = 0;
                // there may be more
                self.wants_ephemeral = true;
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

    fn failed(&mut self, mut flight: Flight, reason: &str, now: Instant, timing: &Timing) {
        let entries = &flight.transaction.entries;
        match (flight.origin, &entries[..]) {
            (Origin::Ephemeral(mark), _) => {
                self.ephemeral_failures += 1;
                if self.ephemeral_failures >= TRIES {
                    tracing::warn!(destination = self.nid.0, reason, "gave up on receipts that a destination refuses");
                    self.mark = mark;
                    self.moved = true;
                    self.ephemeral_failures = 0;
                }
                self.wants_ephemeral = true;
                self.back_off(now, timing, None);
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

    fn failed_alone(&mut self, entry: &Entry, reason: &str, now: Instant, timing: &Timing) {
        self.failing.insert(entry.position);
        if self.failing.len() >= OUTAGE {
            self.back_off(now, timing, None);
        }
        let only_this = self.failing.len() == 1;
        if !self.exceptions.contains_key(&entry.position) {
            self.open(entry, ExceptionKind::Split, reason, 1);
        } else {
            let open = self.exceptions.get_mut(&entry.position).expect("it was just there");
            if open.row.kind != ExceptionKind::Split {
                open.row.kind = ExceptionKind::Split;
                open.row.attempts = 0;
                open.failed_turn = self.turn;
            }
            if open.row.attempts == 0 || (only_this && self.taken_turn > open.failed_turn) {
                open.row.attempts += 1;
            }
            open.row.reason = reason.to_owned();
            open.revived = false;
        }
        let open = self.exceptions.get_mut(&entry.position).expect("opened above");
        open.tries += 1;
        open.due = now + timing.delay(open.tries - 1);
        let give_up = open.row.attempts >= TRIES && only_this && self.taken_turn > open.failed_turn;
        if give_up {
            self.bury(entry.position);
        } else {
            self.dirty.insert(entry.position);
        }
        self.write_soon(now);
    }

    /// Makes an exception a dead letter.
    fn bury(&mut self, position: Position) -> bool {
        let Some(open) = self.exceptions.remove(&position) else { return false };
        self.dead.push(put_dead_letter(self.nid, &open.row, crate::timing::now_ms()));
        self.dead_letters += 1;
        self.failing.remove(&position);
        self.dirty.insert(position);
        tracing::warn!(
            destination = self.nid.0,
            position = position.0,
            reason = open.row.reason,
            "an entry became a dead letter"
        );
        true
    }

    fn open(&mut self, entry: &Entry, kind: ExceptionKind, reason: &str, attempts: u32) {
        let row = Exception {
            position: entry.position,
            event: entry.nid,
            room: entry.room_nid,
            kind,
            reason: reason.to_owned(),
            attempts,
            since: crate::timing::now_ms(),
        };
        let open = Open { row, due: Instant::now(), tries: 1, failed_turn: self.turn, revived: false };
        self.exceptions.insert(entry.position, open);
        self.dirty.insert(entry.position);
    }

    fn keep(&mut self, mut flight: Flight) {
        if matches!(flight.origin, Origin::Ephemeral(_)) {
            // lossy: what is new by then is asked for then
            self.wants_ephemeral = true;
            return;
        }
        match Arc::get_mut(&mut flight.transaction) {
            Some(transaction) => transaction.attempt += 1,
            None => debug_assert!(false, "an answered transaction has no other holder"),
        }
        self.flight = Some(flight);
    }

    fn back_off(&mut self, now: Instant, timing: &Timing, retry_after: Option<Duration>) {
        self.failures += 1;
        let delay = timing.delay(self.failures).max(retry_after.unwrap_or_default()).min(timing.back_off_limit);
        self.hold = Some(now + delay);
    }

    fn error(&mut self, reason: &str) {
        self.last_error = Some(LastError { reason: reason.to_owned(), at: crate::timing::now_ms() });
    }

    /// A sign of life: no back-off any more.
    pub fn life(&mut self) {
        self.hold = None;
        self.failures = 0;
    }

    fn write_soon(&mut self, by: Instant) {
        self.write_by = Some(self.write_by.map_or(by, |already| already.min(by)));
    }

    /// What has become of a pending entry. False: it is not pending (any more).
    pub fn settle(&mut self, position: Position, settled: &Settled, now: Instant, timing: &Timing) -> bool {
        let in_flight = self.in_flight().is_some_and(|flight| flight.entries.iter().any(|e| e.position == position));
        if in_flight {
            self.early.push((position, settled.clone()));
            return true;
        }
        let Some(open) = self.exceptions.get_mut(&position) else { return false };
        match settled {
            Settled::Done => {
                self.exceptions.remove(&position);
            }
            Settled::Again { reason } => {
                open.revived = true;
                open.row.reason.clone_from(reason);
            }
            Settled::Refused { reason } => {
                open.row.reason.clone_from(reason);
                self.bury(position);
            }
        }
        self.dirty.insert(position);
        self.write_soon(now + timing.settle_linger);
        true
    }

    /// Offers everything pending again.
    pub fn revive(&mut self) {
        for open in self.exceptions.values_mut().filter(|open| open.row.kind == ExceptionKind::Pending) {
            open.revived = true;
        }
        self.life();
    }

    /// Gives a split entry up now. False: it is none.
    pub fn skip(&mut self, position: Position, now: Instant) -> bool {
        let is_split = self.exceptions.get(&position).is_some_and(|open| open.row.kind == ExceptionKind::Split);
        self.write_soon(now);
        is_split && self.bury(position)
    }

    /// Takes a former dead letter up again, alone.
    pub fn retry(&mut self, row: Exception) {
        let position = row.position;
        let open = Open { row, due: Instant::now(), tries: 1, failed_turn: self.turn, revived: false };
        self.exceptions.insert(position, open);
        self.dead_letters = self.dead_letters.saturating_sub(1);
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
