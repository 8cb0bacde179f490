//! Exceptions: entries that the cursor has passed and that are not done. And what is given up: dead letters.

use causeway_store::{
    DeadLetter, Entry, EventNid, Exception, ExceptionKind, Position, RoomNid, forget_dead_letter, put_dead_letter,
};
use tokio::time::Instant;

use super::State;
use super::flights::Flight;
use super::lane::Lane;
use super::trial::{Evidence, Trial};
use crate::settle::Settled;
use crate::timing::{Timing, now_ms};

/// An exception with what needs not survive a restart.
pub(super) struct Open {
    pub event: EventNid,
    pub room: RoomNid,
    pub kind: ExceptionKind,
    pub trial: Trial,
    /// a pending one that is to be offered again
    pub revived: bool,
}

impl Open {
    pub fn restored(row: Exception, now: Instant) -> Self {
        Self {
            event: row.event,
            room: row.room,
            kind: row.kind,
            trial: Trial::restored(row.attempts, row.reason, row.since, now),
            // Whoever holds a pending entry has forgotten it by now: it is offered again.
            revived: row.kind == ExceptionKind::Pending,
        }
    }

    pub fn row(&self, position: Position) -> Exception {
        Exception {
            position,
            event: self.event,
            room: self.room,
            kind: self.kind,
            reason: self.trial.reason.clone(),
            attempts: self.trial.attempts,
            since: self.trial.since,
        }
    }
}

impl State {
    /// Those to be offered again, together.
    pub(super) fn revived(&self) -> Vec<EventNid> {
        let revived = self.exceptions.iter().filter(|(_, open)| open.revived);
        let size = self.pace.size(Position(i64::MAX));
        revived.map(|(_, open)| open.event).take(size).collect()
    }

    /// One that is tried alone, if the time has come.
    pub(super) fn due_alone(&self, now: Instant) -> Option<EventNid> {
        let alone = self.exceptions.values().filter(|open| open.kind != ExceptionKind::Pending);
        alone.filter(|open| open.trial.due <= now).min_by_key(|open| open.trial.due).map(|open| open.event)
    }

    pub(super) fn open(&mut self, entry: &Entry, kind: ExceptionKind, attempts: u32, now: Instant) {
        let trial = Trial { attempts, ..Trial::new(self.turn, now) };
        let open = Open { event: entry.nid, room: entry.room_nid, kind, trial, revived: false };
        self.exceptions.insert(entry.position, open);
        self.dirty.insert(entry.position);
    }

    /// What stands for or against poison, when the entry at `position` fails alone.
    pub(super) fn evidence(&mut self, position: Position) -> Evidence {
        self.failing.insert(position);
        Evidence { turn: self.turn, taken_turn: self.taken_turn, only_this: self.failing.len() == 1 }
    }

    /// An exception failed alone.
    pub(super) fn exception_failed(
        &mut self,
        entry: &Entry,
        reason: &str,
        evidence: &Evidence,
        now: Instant,
        timing: &Timing,
    ) {
        let Some(open) = self.exceptions.get_mut(&entry.position) else { return };
        if open.kind == ExceptionKind::Pending {
            open.kind = ExceptionKind::Split;
            open.trial = Trial { since: open.trial.since, ..Trial::new(evidence.turn, now) };
        }
        open.revived = false;
        self.dirty.insert(entry.position);
        if open.trial.fails(reason, evidence, now, timing) {
            self.bury_exception(entry.position);
        }
    }

    /// Makes an exception a dead letter.
    pub(super) fn bury_exception(&mut self, position: Position) -> bool {
        let Some(open) = self.exceptions.remove(&position) else { return false };
        self.dirty.insert(position);
        self.bury(position, open.event, open.room, open.trial);
        true
    }

    /// Makes an entry a dead letter.
    pub(super) fn bury(&mut self, position: Position, event: EventNid, room: RoomNid, trial: Trial) {
        let Trial { attempts, reason, since, .. } = trial;
        tracing::warn!(
            destination = %self.name, position = position.0, attempts, reason, "an entry became a dead letter"
        );
        let letter = DeadLetter { position, event, room, reason, attempts, since, died: now_ms() };
        self.letters.push(put_dead_letter(self.nid, &letter));
        self.dead_letters.insert(position);
        self.failing.remove(&position);
    }

    /// A dead letter was taken after all.
    pub(super) fn redeem(&mut self, position: Position) {
        if self.dead_letters.remove(&position) {
            self.letters.push(forget_dead_letter(self.nid, position));
        }
    }

    /// What has become of a pending entry. False: it is not pending (any more).
    pub fn settle(&mut self, position: Position, settled: &Settled, now: Instant, timing: &Timing) -> bool {
        if self.flights.values().any(|flight| flight.has(position)) {
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
                open.trial.reason.clone_from(reason);
            }
            Settled::Refused { reason } => {
                open.trial.reason.clone_from(reason);
                self.bury_exception(position);
            }
        }
        self.dirty.insert(position);
        self.write_soon(now + timing.settle_linger);
        true
    }

    /// What was settled before the destination's answer about this entry came.
    pub(super) fn settle_early(&mut self, entry: &Entry, now: Instant, timing: &Timing) {
        let early = std::mem::take(&mut self.early);
        let (here, elsewhere): (Vec<_>, Vec<_>) = early.into_iter().partition(|(at, _)| *at == entry.position);
        self.early = elsewhere;
        for (position, settled) in here {
            if self.settle(position, &settled, now, timing) {
                continue;
            }
            if let Settled::Refused { reason } = settled
                && !self.dead_letters.contains(&position)
            {
                let trial = Trial { attempts: 1, reason, ..Trial::new(self.turn, now) };
                self.bury(position, entry.nid, entry.room_nid, trial);
                self.write_soon(now + timing.settle_linger);
            }
        }
    }

    /// Offers everything pending again.
    pub fn revive(&mut self) {
        for open in self.exceptions.values_mut().filter(|open| open.kind == ExceptionKind::Pending) {
            open.revived = true;
        }
        self.life();
    }

    /// Gives up an entry that fails or waits to be repeated. False: there is no such entry.
    pub fn skip(&mut self, position: Position, now: Instant) -> bool {
        self.write_soon(now);
        let in_flight = self.flights.iter().find(|(_, flight)| flight.has(position)).map(|(way, _)| *way);
        if let Some(way) = in_flight {
            if self.flights[&way].away {
                self.given_up.insert(position);
            } else if let Some(flight) = self.flights.remove(&way) {
                self.given_up.insert(position);
                let given_up = self.give_up(&flight, now);
                self.dissolve(way, flight, &given_up);
            }
            return true;
        }
        if self.bury_exception(position) {
            return true;
        }
        let mut lanes = self.lanes.values_mut().chain(self.replay.iter_mut().map(|replay| &mut replay.lane));
        let fails =
            |lane: &&mut Lane| lane.trial.is_some() && lane.waiting.front().is_some_and(|e| e.position == position);
        let Some(lane) = lanes.find(fails) else { return false };
        let Some((entry, trial)) = lane.waiting.pop_front().zip(lane.trial.take()) else { return false };
        lane.advance(position);
        self.moved = true;
        self.bury(position, entry.nid, entry.room_nid, trial);
        self.close(entry.room_nid);
        self.end_replay();
        true
    }

    /// Makes dead letters of those entries of a transaction that was not taken that an admin gave up meanwhile.
    pub(super) fn give_up(&mut self, flight: &Flight, now: Instant) -> Vec<Position> {
        let mut given_up = Vec::new();
        for entry in &flight.transaction.entries {
            if !self.given_up.remove(&entry.position) {
                continue;
            }
            given_up.push(entry.position);
            if self.bury_exception(entry.position) {
                continue;
            }
            let reason = self.last_error.as_ref().map_or("skipped by an admin", |error| &error.reason).to_owned();
            let trial = Trial { attempts: flight.transaction.attempt, reason, ..Trial::new(self.turn, now) };
            self.bury(entry.position, entry.nid, entry.room_nid, trial);
        }
        given_up
    }

    /// Whether an entry is still to be sent: it has not lapsed, and is no dead letter.
    pub(super) fn is_owed(&self, position: Position) -> bool {
        position > self.lapsed && !self.dead_letters.contains(&position)
    }

    /// Takes up an exception that was done with: a dead letter, or an entry that was settled.
    pub fn reopen(&mut self, row: &Exception, now: Instant) {
        let trial = Trial { reason: row.reason.clone(), since: row.since, ..Trial::new(self.turn, now) };
        let revived = row.kind == ExceptionKind::Pending;
        let open = Open { event: row.event, room: row.room, kind: row.kind, trial, revived };
        self.exceptions.insert(row.position, open);
        self.dead_letters.remove(&row.position);
    }
}
