//! Transactions in flight: at most one on each way, recorded before its first try, repeated under its id.

use std::sync::Arc;

use causeway_store::{Entry, EventNid, ExceptionKind, Position, Replaced, RoomNid};

use super::{Next, State};
use crate::destination::{Redelivery, Transaction};
use crate::ephemeral::DeviceChanges;

/// By which way a transaction goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// what the log has, in order
    Log,
    /// entries that the cursor has passed: pending, split, late
    Exceptions,
    /// a room on its own
    Lane(RoomNid),
    Replay,
    /// no entries: typing, receipts, presence
    Aside,
}

pub(super) struct Flight {
    pub transaction: Arc<Transaction>,
    /// second half of its id; 0 where it is not to be repeated after a restart
    pub serial: u64,
    /// how far its way is once it is taken
    pub upto: Position,
    pub recorded: bool,
    /// a commit on its way records it
    pub recording: bool,
    /// it says what its state events replaced
    complete: bool,
    /// somebody is delivering it
    pub away: bool,
    /// the turn of its last try
    pub sent_turn: u64,
    /// tries that were not answered
    pub timeouts: u32,
}

/// A transaction that was in flight when the last process ended.
pub(crate) struct Interrupted {
    pub way: Way,
    pub serial: u64,
    pub entries: Vec<Arc<Entry>>,
}

impl Flight {
    pub fn new(transaction: Transaction, upto: Position, serial: u64, recorded: bool) -> Self {
        let complete = transaction.entries.iter().all(|entry| entry.state_key.is_none());
        Self {
            transaction: Arc::new(transaction),
            serial,
            upto,
            recorded,
            recording: false,
            complete,
            away: false,
            sent_turn: 0,
            timeouts: 0,
        }
    }

    pub fn events(&self) -> Vec<EventNid> {
        self.transaction.entries.iter().map(|entry| entry.nid).collect()
    }

    pub fn has(&self, position: Position) -> bool {
        self.transaction.entries.iter().any(|entry| entry.position == position)
    }

    pub fn has_room(&self, room: RoomNid) -> bool {
        self.transaction.entries.iter().any(|entry| entry.room_nid == room)
    }

    /// Its entries, when it is not to be repeated.
    pub fn into_entries(mut self) -> Vec<Arc<Entry>> {
        match Arc::get_mut(&mut self.transaction) {
            Some(transaction) => std::mem::take(&mut transaction.entries),
            None => self.transaction.entries.clone(),
        }
    }
}

impl State {
    /// Transactions at the same time. After a failure only one, until something is taken.
    pub(super) fn slots(&self) -> usize {
        if self.failures > 0 { 1 } else { self.parallel }
    }

    /// Starts a transaction of entries, under the next serial.
    pub(super) fn launch(&mut self, way: Way, entries: Vec<Arc<Entry>>) {
        self.serial += 1;
        self.launch_under(self.serial, way, entries, None);
    }

    /// Starts a transaction under a serial that is given already. `recorded`: it is on disk, and was tried so often.
    pub(super) fn launch_under(&mut self, serial: u64, way: Way, entries: Vec<Arc<Entry>>, recorded: Option<u32>) {
        let upto = entries.last().map_or(Position(0), |entry| entry.position);
        let exceptions = entries.iter().filter_map(|entry| self.exceptions.get(&entry.position));
        let (kinds, attempts): (Vec<_>, Vec<_>) = exceptions.map(|open| (open.kind, open.trial.attempts)).unzip();
        let redelivery = match way {
            Way::Replay => Some(Redelivery::Replay),
            Way::Exceptions if kinds.contains(&ExceptionKind::Late) => Some(Redelivery::Late),
            _ => None,
        };
        let epoch = match (way, &self.replay) {
            (Way::Replay, Some(replay)) => &replay.epoch,
            _ => &self.epoch,
        };
        // What was offered before, or is repeated, may have arrived.
        let before = if way == Way::Exceptions { attempts.into_iter().max().unwrap_or(0).max(1) } else { 0 };
        let transaction = Transaction {
            id: format!("{epoch}-{serial}"),
            attempt: before.max(recorded.unwrap_or(0)) + 1,
            made: crate::timing::now_ms(),
            entries,
            redelivery,
            replaced: Vec::new(),
            ephemeral: Vec::new(),
            to_device: Vec::new(),
            devices: DeviceChanges::default(),
        };
        self.flights.insert(way, Flight::new(transaction, upto, serial, recorded.is_some()));
    }

    /// What is to be done for transactions that are under way.
    pub(super) fn fly(&mut self) -> Option<Next> {
        if self.flights.values().any(|flight| !flight.recorded) {
            return Some(Next::Write(self.record()));
        }
        let incomplete = self.flights.values().filter(|flight| !flight.complete);
        let state_events: Vec<EventNid> = incomplete
            .flat_map(|flight| flight.transaction.entries.iter().filter(|entry| entry.state_key.is_some()))
            .map(|entry| entry.nid)
            .collect();
        if !state_events.is_empty() {
            return Some(Next::Complete(state_events));
        }
        if self.flights.values().filter(|flight| flight.away).count() >= self.slots() {
            return None;
        }
        let turn = self.turn;
        let (way, flight) = self.flights.iter_mut().filter(|(_, flight)| !flight.away).min_by_key(|(_, f)| f.serial)?;
        flight.away = true;
        flight.sent_turn = turn;
        Some(Next::Deliver(*way, Arc::clone(&flight.transaction)))
    }

    /// Answers [`Next::Complete`].
    pub fn completed(&mut self, replaced: &[Replaced]) {
        for flight in self.flights.values_mut().filter(|flight| !flight.complete) {
            flight.complete = true;
            if let Some(transaction) = Arc::get_mut(&mut flight.transaction) {
                let here = |replaced: &&Replaced| transaction.entries.iter().any(|entry| entry.nid == replaced.by);
                transaction.replaced = replaced.iter().filter(here).cloned().collect();
            }
        }
    }

    /// The transaction is not repeated: what it had goes back to where it came from, in order, and its id is never used
    /// again. `given_up`: those of them that an admin has made dead letters just now.
    pub(super) fn dissolve(&mut self, way: Way, flight: Flight, given_up: &[Position]) {
        let upto = flight.upto;
        let mut entries = flight.into_entries();
        entries.retain(|entry| match way {
            Way::Replay => !given_up.contains(&entry.position),
            _ => self.is_owed(entry.position),
        });
        match way {
            Way::Log if self.parallel > 1 => {
                for entry in entries.into_iter().rev() {
                    self.detach(&entry);
                }
                self.advance(upto);
            }
            Way::Log if entries.is_empty() => self.advance(upto),
            Way::Log => entries.into_iter().rev().for_each(|entry| self.ahead.push_front(entry)),
            Way::Lane(room) => {
                if let Some(lane) = self.lanes.get_mut(&room) {
                    lane.put_back(entries, upto);
                }
                self.close(room);
            }
            Way::Replay => {
                if let Some(replay) = &mut self.replay {
                    replay.lane.put_back(entries, upto);
                }
                self.end_replay();
            }
            // they are exceptions still
            Way::Exceptions => {}
            Way::Aside => self.aside.wants_ephemeral = true,
        }
        self.moved = true;
    }

    /// Whether the room has entries in flight by the log's way.
    pub(super) fn is_in_log_flight(&self, room: RoomNid) -> bool {
        self.flights.get(&Way::Log).is_some_and(|flight| flight.has_room(room))
    }
}
