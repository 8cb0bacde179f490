//! The state machine alone: a log in memory, a destination that answers as told, a clock that only the test moves.

mod devices;
mod durable;
mod lanes;
mod log;
mod pending;
mod poison;
mod prepared;
mod replay;
mod simulation;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use causeway_store::{EntryKind, Exception, ExceptionKind, InterestNid, Place, RoomNid};

use durable::Durable;

use super::*;
use crate::destination::{ErrorKind, Reason};
use crate::{Delivered, Redelivery, Settled};

const MINUTE: Duration = Duration::from_secs(60);

struct Machine {
    state: State,
    log: Vec<Arc<Entry>>,
    now: Instant,
    timing: Timing,
    /// positions that fail
    poison: HashSet<i64>,
    /// positions that are never answered
    silent: HashSet<i64>,
    /// rooms that take their time: answered by [`Machine::release`]
    slow: HashSet<i64>,
    away: Vec<(Way, Arc<Transaction>)>,
    down: Option<Delivered>,
    pending: bool,
    taken: Vec<i64>,
    redelivered: Vec<(i64, Redelivery)>,
    tried: HashMap<String, Vec<i64>>,
    transactions: usize,
    writes: usize,
    reads: usize,
    durable: Durable,
    /// messages to devices by position, and those that came
    messages: Vec<i64>,
    told: Vec<i64>,
    /// (position, transaction id)
    taken_ids: Vec<(i64, String)>,
    /// ids of transactions that were taken
    taken_once: HashSet<String>,
    /// what was taken and, repeated after a crash, not taken
    refused_later: HashSet<i64>,
    /// of the worker, until it stops between two of them
    steps: usize,
}

fn entry(position: i64, room: i64) -> Arc<Entry> {
    Arc::new(Entry {
        position: Position(position),
        place: Place(position),
        nid: EventNid(position + 1000),
        room_nid: RoomNid(room),
        kind: EntryKind::Live,
        room_id: format!("!{room}").into(),
        event_id: format!("${position}").into(),
        sender: "@a:h".into(),
        event_type: "m.room.message".into(),
        state_key: None,
        origin_server_ts: 0,
        interest: InterestNid(1),
        quiet: false,
        transaction: None,
        json: "{}".into(),
    })
}

fn row() -> DestinationRow {
    DestinationRow {
        nid: DestinationNid(1),
        id: "appservice:a".to_owned(),
        epoch: "e".to_owned(),
        serial: 0,
        cursor: Position(0),
        receipts: Position(0),
        in_flight: None,
        flight: 0,
        paused: false,
        removed: false,
    }
}

fn stored(row: DestinationRow) -> Stored {
    let (lanes, exceptions, interrupted) = (Vec::new(), Vec::new(), Vec::new());
    Stored { row, lanes, exceptions, dead_letters: BTreeSet::new(), interrupted }
}

fn held() -> Delivered {
    Delivered::Held { reason: "down".into(), retry_after: None }
}

impl Machine {
    fn of(stored: Stored, parallel: usize) -> Self {
        Self {
            state: State::restore(stored, 100, parallel),
            log: Vec::new(),
            now: Instant::now(),
            timing: Timing::default(),
            poison: HashSet::new(),
            silent: HashSet::new(),
            slow: HashSet::new(),
            away: Vec::new(),
            down: None,
            pending: false,
            taken: Vec::new(),
            redelivered: Vec::new(),
            tried: HashMap::new(),
            transactions: 0,
            writes: 0,
            reads: 0,
            durable: Durable::default(),
            messages: Vec::new(),
            told: Vec::new(),
            taken_ids: Vec::new(),
            taken_once: HashSet::new(),
            refused_later: HashSet::new(),
            steps: usize::MAX,
        }
    }

    fn new() -> Self {
        Self::of(stored(row()), 1)
    }

    /// One that stands at the head and has nothing to do.
    fn at_rest() -> Self {
        let mut machine = Self::new();
        machine.run();
        machine
    }

    /// The same with so many rooms side by side.
    fn with_lanes(parallel: usize) -> Self {
        let mut machine = Self::of(stored(row()), parallel);
        machine.run();
        machine
    }

    fn append(&mut self, positions: std::ops::RangeInclusive<i64>, room: i64) {
        let entries: Vec<_> = positions.map(|position| entry(position, room)).collect();
        self.log.extend(entries.iter().cloned());
        for entry in entries {
            self.state.push(&[entry]);
        }
    }

    fn answer(&mut self, transaction: &Transaction) -> Delivered {
        self.transactions += 1;
        let messages = devices::messages(transaction);
        let entries = transaction.entries.iter().map(|entry| entry.position.0);
        let positions: Vec<i64> = entries.chain(messages.iter().copied()).collect();
        let first = self.tried.entry(transaction.id.clone()).or_insert_with(|| positions.clone());
        assert_eq!(*first, positions, "a transaction id came with other events");
        match &self.down {
            Some(Delivered::Held { reason, .. }) => {
                return Delivered::Held { reason: reason.clone(), retry_after: None };
            }
            Some(Delivered::Unanswered { reason, alive }) => {
                return Delivered::Unanswered { reason: reason.clone(), alive: *alive };
            }
            _ => {}
        }
        if positions.iter().any(|position| self.silent.contains(position)) {
            return Delivered::Unanswered { reason: "silence".into(), alive: false };
        }
        if positions.iter().any(|position| self.poison.contains(position)) {
            return Delivered::Failed { reason: Reason::new(ErrorKind::Failed, "poison") };
        }
        self.taken.extend(positions.iter().filter(|position| !messages.contains(position)));
        self.told.extend(messages);
        self.taken_ids.extend(positions.iter().map(|position| (*position, transaction.id.clone())));
        let redelivery = transaction.redelivery;
        self.redelivered.extend(positions.iter().filter_map(|position| Some((*position, redelivery?))));
        let pending = if self.pending { positions.into_iter().map(Position).collect() } else { Vec::new() };
        Delivered::Taken { pending }
    }

    fn deliver(&mut self, way: Way, transaction: Arc<Transaction>) {
        let answer = self.answer(&transaction);
        let is_taken = matches!(answer, Delivered::Taken { .. });
        if is_taken {
            self.taken_once.insert(transaction.id.clone());
        } else if self.taken_once.contains(&transaction.id) {
            self.refused_later.extend(transaction.entries.iter().map(|entry| entry.position.0));
        }
        drop(transaction);
        self.state.answered(way, &answer, Duration::ZERO, self.now, &self.timing);
    }

    /// Answers what slow rooms have not answered.
    fn release(&mut self) {
        self.slow.clear();
        for (way, transaction) in std::mem::take(&mut self.away) {
            self.deliver(way, transaction);
        }
    }

    /// Runs until there is nothing to do before a later moment; that moment is the answer.
    fn run(&mut self) -> Option<Instant> {
        self.steps = 1_000_000;
        let until = self.run_some();
        assert!(self.steps > 0, "the machine does not come to rest");
        until
    }

    /// The same for so many steps at most.
    fn run_some(&mut self) -> Option<Instant> {
        while self.steps > 0 {
            self.steps -= 1;
            match self.state.next(self.now, Position(0), &self.timing) {
                Next::Deliver(way, transaction) => {
                    if transaction.entries.iter().any(|entry| self.slow.contains(&entry.room_nid.0)) {
                        self.away.push((way, transaction));
                    } else {
                        self.deliver(way, transaction);
                    }
                }
                Next::Write(statements) => {
                    assert!(!statements.is_empty());
                    self.writes += 1;
                    self.durable.carry_out(&statements);
                    self.state.written();
                }
                Next::Complete(_) => self.state.completed(&[]),
                Next::Load(events) => {
                    let entries = self.log.iter().filter(|entry| events.contains(&entry.nid)).cloned().collect();
                    self.state.loaded(entries);
                }
                Next::Read(reading) => self.read(reading),
                Next::Ask(mark, limit) => self.state.told(devices::after(&self.messages, mark, limit), "p"),
                Next::Sleep(until) => {
                    let until = until?;
                    assert!(until > self.now, "a sleep into the past");
                    return Some(until);
                }
                Next::Rest => return None,
            }
        }
        None
    }

    fn read(&mut self, reading: Reading) {
        self.reads += 1;
        let (Reading::Log(stretch) | Reading::Lane(_, stretch, _) | Reading::Replay(stretch)) = reading;
        let within = self.log.iter().filter(|e| e.position > stretch.after && e.position <= stretch.until);
        match reading {
            Reading::Log(_) => self.state.page(within.take(PAGE).cloned().collect()),
            Reading::Lane(room, _, limit) => {
                let entries = within.filter(|entry| entry.room_nid == room).take(limit).cloned().collect();
                self.state.lane_page(room, entries, limit);
            }
            Reading::Replay(_) => self.state.replay_page(within.take(REPLAY_PAGE).cloned().collect()),
        }
    }

    /// Moves the clock from one moment of work to the next, for so long.
    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(until) = self.run() {
            if until > end {
                break;
            }
            self.now = until;
        }
        self.now = end;
        self.run();
    }

    fn of_room(&self, room: i64) -> Vec<i64> {
        let room_of = |position: &i64| self.log.iter().find(|e| e.position.0 == *position).map(|e| e.room_nid.0);
        self.taken.iter().copied().filter(|position| room_of(position) == Some(room)).collect()
    }

    fn dead(&self) -> usize {
        self.state.dead_letters()
    }

    /// The next process, which knows what is on disk.
    fn restarted(&self) -> Self {
        let mut machine = Self::of(self.durable.stored(&self.log), self.state.parallel);
        machine.log.clone_from(&self.log);
        machine.tried.clone_from(&self.tried);
        machine.durable = self.durable.clone();
        machine
    }
}
