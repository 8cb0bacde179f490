//! What comes in: new entries at the tail, pages of the log, looked-up exceptions, ephemeral events; and how they
//! become the next transaction.

use std::sync::Arc;

use causeway_store::{Entry, ExceptionKind, Position, Replaced};
use tokio::time::Instant;

use super::{EXCEPTIONS, Flight, INBOX, Origin, PAGE, State};
use crate::destination::Transaction;
use crate::ephemeral::Ephemerals;
use crate::timing::Timing;

impl State {
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

    /// Takes the next entries of the log into flight; those of blocked rooms become held. False: there are none.
    pub(super) fn depart(&mut self) -> bool {
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

    /// Answers [`Next::Complete`].
    pub fn completed(&mut self, replaced: Vec<Replaced>) {
        let Some(flight) = &mut self.flight else { return };
        flight.complete = true;
        if let Some(transaction) = Arc::get_mut(&mut flight.transaction) {
            transaction.replaced = replaced;
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
        self.wants_ephemeral = true;
        self.wants_devices = true;
        self.hold = Some(now + timing.delay(1));
    }

    /// Answers [`Next::Ask`].
    pub fn told(&mut self, told: Ephemerals, process_epoch: &str) {
        if told.is_empty() {
            self.mark = told.until;
            self.wants_ephemeral |= told.more;
            return;
        }
        // After a restart it is asked for anew and goes under an id of that process, so this one needs no record.
        self.ephemeral_serial += 1;
        let transaction = Transaction {
            id: format!("{process_epoch}-{}e{}", self.nid.0, self.ephemeral_serial),
            attempt: 1,
            made: crate::timing::now_ms(),
            entries: Vec::new(),
            replaced: Vec::new(),
            ephemeral: told.events,
            to_device: told.to_device,
            devices: told.devices,
        };
        self.flight = Some(Flight {
            transaction: Arc::new(transaction),
            origin: Origin::Ephemeral(told.until),
            recorded: true,
            complete: true,
            when_taken: told.when_taken,
        });
    }

    pub fn want_ephemeral(&mut self) {
        self.wants_ephemeral = true;
    }

    pub fn want_devices(&mut self) {
        self.wants_devices = true;
    }
}
