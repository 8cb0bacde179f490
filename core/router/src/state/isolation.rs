//! Exceptions: entries that the cursor has passed and that are not done. Isolates poison (an entry that fails while
//! others don't) and tells it from an outage, in which everything fails.

use std::collections::HashSet;

use causeway_store::{Entry, EventNid, Exception, ExceptionKind, Position, RoomNid, put_dead_letter};
use tokio::time::Instant;

use super::{OUTAGE, Open, State, TRIES};
use crate::settle::Settled;
use crate::timing::Timing;

impl State {
    pub(super) fn blocked_rooms(&self) -> HashSet<RoomNid> {
        self.exceptions
            .values()
            .filter(|open| open.row.kind != ExceptionKind::Pending)
            .map(|open| open.row.room)
            .collect()
    }

    /// Exceptions whose turn it is (those that wait for nothing together, else one split entry alone), and when the
    /// next one's comes.
    pub(super) fn choose(&self, now: Instant) -> (Vec<EventNid>, Option<Instant>) {
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

    pub(super) fn failed_alone(&mut self, entry: &Entry, reason: &str, now: Instant, timing: &Timing) {
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
    pub(super) fn bury(&mut self, position: Position) -> bool {
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

    pub(super) fn open(&mut self, entry: &Entry, kind: ExceptionKind, reason: &str, attempts: u32) {
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
        self.reopen(row);
        self.dead_letters = self.dead_letters.saturating_sub(1);
    }

    /// Takes up an exception that was done with.
    pub fn reopen(&mut self, row: Exception) {
        let revived = row.kind == ExceptionKind::Pending;
        let open = Open { due: Instant::now(), tries: 1, failed_turn: self.turn, revived, row };
        self.exceptions.insert(open.row.position, open);
    }
}
