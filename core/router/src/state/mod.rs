//! What the router knows of one destination, and what is to be done next. No I/O: the [worker](crate::worker) does that.
//!
//! ```text
//!   log:   ……… a1 b1 ┃ a2 b2 c1 ┃ b3 a3 c2 ………
//!              cursor┘ └in flight┘ └ahead, then inbox, then (when behind) the log itself
//!   lanes: rooms that go their own way, each with its own cursor: one whose entry failed alone (its others wait behind
//!   it), or, where rooms are delivered side by side, each that has something to take
//!   exceptions: entries at or before the cursor that are not done: pending (taken, unsettled), split, late
//!   replay: a piece of the log once more
//! ```

mod answers;
mod aside;
mod courtesy;
mod exceptions;
mod flights;
mod lane;
mod log;
mod prepared;
mod replay;
mod sources;
#[cfg(test)]
mod tests;
mod took;
mod trial;
mod view;
mod writing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use causeway_store::{
    DestinationNid, DestinationRow, Entry, EventNid, Exception, LaneRow, Position, RoomNid, Statement, Stretch,
};
use tokio::time::Instant;

use crate::destination::{ErrorKind, Transaction};
use crate::ephemeral::EphemeralMark;
use crate::settle::Settled;
use crate::timing::Timing;
use aside::Aside;
use courtesy::Courtesy;
use exceptions::Open;
use flights::Flight;
pub(crate) use flights::{Interrupted, Way};
use lane::Lane;
pub(crate) use replay::REPLAY_PAGE;
use replay::Replay;
use sources::Departure;
use took::Took;
use trial::Pace;
pub(crate) use view::{Behind, LaneView, Owed};

/// Entries that wait in memory for one destination; whoever has more waiting reads the log.
const INBOX: usize = 512;
/// Entries of one read of the log. Small: while a page is unpacked, nothing else runs on its thread.
pub(crate) const PAGE: usize = 100;
/// Exceptions of one destination, and lanes, at most: from then on it takes nothing new.
const EXCEPTIONS: usize = 10_000;
const LANES: usize = 10_000;
/// So many different entries failing one after the other look like an outage, not like poison.
const OUTAGE: usize = 3;
/// How many times the first back-off everything is held then.
const OUTAGE_HOLD: u32 = 5;
/// How long a prepared transaction is waited for before looking again.
const PREPARED_TICK: Duration = Duration::from_millis(20);

/// What the worker has to do now.
pub(crate) enum Next {
    /// Hand this over, and tell [`State::answered`] when it is answered. Others may be handed over meanwhile.
    Deliver(Way, Arc<Transaction>),
    /// Look up what these state events replaced and tell [`State::completed`].
    Complete(Vec<EventNid>),
    /// Commit this and tell [`State::written`].
    Write(Vec<Statement>),
    /// Look these up and tell [`State::loaded`].
    Load(Vec<EventNid>),
    Read(Reading),
    /// Ask what is new after the mark, about so much of it, and tell [`State::told`].
    Ask(EphemeralMark, usize),
    /// Nothing before that moment, an answer, or a wake-up.
    Sleep(Option<Instant>),
    /// Nothing at all: the worker ends.
    Rest,
}

/// What is to be read of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reading {
    /// [`PAGE`] entries, for [`State::page`]
    Log(Stretch),
    /// so many of a room, for [`State::lane_page`]
    Lane(RoomNid, Stretch, usize),
    /// [`REPLAY_PAGE`] entries, for [`State::replay_page`]
    Replay(Stretch),
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
    pub kind: ErrorKind,
    pub reason: String,
    /// milliseconds since the Unix epoch
    pub at: i64,
}

/// A destination as the last process left it.
pub(crate) struct Stored {
    pub row: DestinationRow,
    pub lanes: Vec<LaneRow>,
    pub exceptions: Vec<Exception>,
    pub dead_letters: BTreeSet<Position>,
    pub interrupted: Vec<Interrupted>,
}

pub(crate) struct State {
    pub nid: DestinationNid,
    name: String,
    epoch: String,
    serial: u64,
    cursor: Position,
    /// everything up to here was handed to a transaction or a lane, if only to come back from there
    scanned: Position,
    /// nothing up to here is owed any more, but for what is being delivered
    lapsed: Position,
    mark: EphemeralMark,
    flights: BTreeMap<Way, Flight>,
    took: Took,
    chosen: Vec<EventNid>,
    prepared: Option<Prepared>,

    ahead: VecDeque<Arc<Entry>>,
    inbox: VecDeque<Arc<Entry>>,
    /// the inbox has gaps: read the log
    behind: bool,
    read: Position,
    batch: usize,
    pace: Pace,
    courtesy: Courtesy,
    /// rooms at the same time; 1: one transaction after the other
    parallel: usize,
    lanes: BTreeMap<RoomNid, Lane>,
    /// the lane that was served last
    served: RoomNid,
    /// lanes that have nothing left, and wait for the cursor to pass them
    idle: BTreeSet<RoomNid>,
    /// lanes whose rows are to be deleted
    closed: BTreeSet<RoomNid>,
    replay: Option<Replay>,
    /// index of the source that comes first
    source: usize,

    exceptions: BTreeMap<Position, Open>,
    /// exceptions whose row is not what is here
    dirty: BTreeSet<Position>,
    /// settled before the destination's answer came
    early: Vec<(Position, Settled)>,
    /// given up by an admin while they were being delivered
    given_up: BTreeSet<Position>,
    dead_letters: BTreeSet<Position>,
    /// what is to be written about them
    letters: Vec<Statement>,
    /// the cursor's row, or a lane's, is not what is here
    moved: bool,
    write_by: Option<Instant>,
    /// a commit is on its way
    writing: bool,

    aside: Aside,

    hold: Option<Instant>,
    /// while one that was away starts: when that is over at the latest
    start_limit: Option<Instant>,
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
    pub fn restore(stored: Stored, batch: usize, parallel: usize) -> Self {
        let now = Instant::now();
        let Stored { row, lanes, exceptions, dead_letters, interrupted } = stored;
        let (replays, rooms): (Vec<_>, Vec<_>) = lanes.into_iter().partition(|lane| lane.room == LaneRow::REPLAY);
        let mut state = Self {
            nid: row.nid,
            name: row.id,
            epoch: row.epoch,
            serial: row.serial,
            cursor: row.cursor,
            scanned: row.cursor,
            lapsed: Position(0),
            mark: EphemeralMark { durable: row.receipts, lossy: 0 },
            flights: BTreeMap::new(),
            took: Took::default(),
            chosen: Vec::new(),
            prepared: None,
            ahead: VecDeque::new(),
            inbox: VecDeque::new(),
            behind: true,
            read: row.cursor,
            batch,
            pace: Pace::new(batch),
            courtesy: Courtesy::default(),
            parallel: parallel.max(1),
            lanes: rooms.iter().map(|row| (row.room, Lane::restored(row, batch, now))).collect(),
            served: RoomNid(0),
            idle: BTreeSet::new(),
            closed: BTreeSet::new(),
            replay: replays.first().and_then(|row| Replay::restored(row, batch, now)),
            source: 0,
            exceptions: exceptions.into_iter().map(|row| (row.position, Open::restored(row, now))).collect(),
            dirty: BTreeSet::new(),
            early: Vec::new(),
            given_up: BTreeSet::new(),
            dead_letters,
            letters: Vec::new(),
            moved: false,
            write_by: None,
            writing: false,
            aside: Aside::new(),
            hold: None,
            start_limit: None,
            failures: 0,
            turn: 0,
            taken_turn: 0,
            failing: BTreeSet::new(),
            paused: row.paused,
            removed: false,
            running: false,
            last_error: None,
            last_success: None,
        };
        for Interrupted { way, serial, entries } in interrupted {
            state.resume_flight(way, serial, entries);
        }
        state
    }

    /// Under its old id, with its old entries.
    fn resume_flight(&mut self, mut way: Way, serial: u64, entries: Vec<Arc<Entry>>) {
        let Some(upto) = entries.last().map(|entry| entry.position) else { return };
        let room = entries[0].room_nid;
        let is_one_room = entries.iter().all(|entry| entry.room_nid == room);
        if way == Way::Log && self.parallel > 1 && is_one_room && !self.lanes.contains_key(&room) {
            way = Way::Lane(room);
            self.detach(&entries[0]).waiting.clear();
        }
        match way {
            Way::Log => {
                self.read = self.read.max(upto);
                self.scanned = self.scanned.max(upto);
            }
            Way::Lane(room) => {
                let Some(lane) = self.lanes.get_mut(&room) else { return };
                lane.read = lane.read.max(upto);
            }
            Way::Replay => {
                let Some(replay) = &mut self.replay else { return };
                replay.lane.read = replay.lane.read.max(upto);
            }
            Way::Exceptions | Way::Aside => {}
        }
        self.launch_under(serial, way, entries, Some(1));
    }

    /// It is another than before, of the same name.
    pub fn set_destination(&mut self, batch: usize, parallel: usize, now: Instant) {
        self.batch = batch;
        self.pace.most = batch;
        self.parallel = parallel.max(1);
        self.returned(now);
    }

    /// `seen`: how far the dispatcher has come.
    pub fn next(&mut self, now: Instant, seen: Position, timing: &Timing) -> Next {
        self.courtesy.sees(seen, now);
        if self.removed {
            return self.idle(None);
        }
        if self.paused {
            return match self.write() {
                Some(statements) => Next::Write(statements),
                None => self.idle(None),
            };
        }
        if let Some(until) = self.hold {
            if now < until {
                return match self.write_due(now) {
                    Some(statements) => Next::Write(statements),
                    None => Next::Sleep(Some(self.write_by.map_or(until, |by| by.min(until)))),
                };
            }
            self.hold = None;
            self.start_limit = None;
        }
        if !self.chosen.is_empty() {
            return Next::Load(self.chosen.clone());
        }
        if self.aside.wants_devices && self.may_ask(now) {
            return self.ask();
        }
        if let Some(wait) = self.take_prepared(now, seen) {
            return Next::Sleep(Some(wait));
        }
        while self.flights.len() < self.slots() && !self.tells_devices() {
            let may_ask = self.flights.values().all(|flight| flight.recorded);
            match self.depart(now, may_ask) {
                Departure::Made => {}
                Departure::Needs(next) => return next,
                Departure::Nothing => break,
            }
        }
        if let Some(next) = self.fly() {
            return next;
        }
        let due = self.due(now);
        if !self.has_unwritten() {
            return self.idle(due);
        }
        let by = *self.write_by.get_or_insert(now + timing.cursor_linger);
        match self.write_due(now) {
            Some(statements) => Next::Write(statements),
            None => Next::Sleep(Some(due.map_or(by, |due| due.min(by)))),
        }
    }

    /// Nothing is to be done before that moment, but to hear answers.
    fn idle(&mut self, due: Option<Instant>) -> Next {
        if due.is_none() && self.flights.values().all(|flight| !flight.away) {
            self.running = false;
            return Next::Rest;
        }
        Next::Sleep(due)
    }

    /// At the head of the log, with nothing to do but perhaps to write its cursor.
    fn is_at_rest(&self) -> bool {
        self.flights.is_empty()
            && self.prepared.is_none()
            && self.chosen.is_empty()
            && self.ahead.is_empty()
            && self.inbox.is_empty()
            && !self.behind
            && self.lanes.is_empty()
            && self.closed.is_empty()
            && self.replay.is_none()
            && self.exceptions.is_empty()
            && self.dirty.is_empty()
            && self.letters.is_empty()
            && self.aside.when_taken.is_empty()
            && !self.writing
            && self.hold.is_none()
            && !self.paused
            && !self.removed
    }
}
