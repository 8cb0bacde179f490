//! What the destination's answer means for its queue.

use std::sync::Arc;
use std::time::Duration;

use causeway_store::{Entry, ExceptionKind, Position};
use tokio::time::Instant;

use super::flights::{Flight, Way};
use super::trial::Trial;
use super::{LastError, OUTAGE, OUTAGE_HOLD, State};
use crate::destination::{Delivered, Reason};
use crate::timing::Timing;

/// For how long a destination that was away calls nobody once it has started.
const STARTED: Duration = Duration::from_millis(400);
/// The longest start that is waited for.
const START_LIMIT: Duration = Duration::from_secs(1);

impl State {
    /// Answers [`super::Next::Deliver`]; `took` is how long the destination took for it.
    pub fn answered(&mut self, way: Way, answer: &Delivered, took: Duration, now: Instant, timing: &Timing) {
        let Some(mut flight) = self.flights.remove(&way) else { return };
        flight.away = false;
        match answer {
            Delivered::Taken { pending } => self.taken(way, flight, pending, took, now, timing),
            Delivered::Held { reason, retry_after } => {
                self.error(reason);
                self.back_off(now, timing, *retry_after);
                self.keep(way, flight, now);
            }
            // Silence holds everything, until something else is answered.
            Delivered::Unanswered { reason, alive } if !alive && !self.has_answered_since(way, &flight) => {
                self.error(reason);
                self.back_off(now, timing, None);
                flight.timeouts += 1;
                self.keep(way, flight, now);
            }
            Delivered::Unanswered { reason, .. } => {
                self.error(reason);
                self.turn += 1;
                self.failed(way, flight, reason, true, now, timing);
            }
            Delivered::Failed { reason } => {
                self.error(reason);
                self.turn += 1;
                self.failed(way, flight, reason, false, now, timing);
            }
        }
    }

    /// Whether anything was answered since the transaction was silent for the first time. One that is silent twice is
    /// taken apart, so that something else can be.
    fn has_answered_since(&self, way: Way, flight: &Flight) -> bool {
        let lane = match way {
            Way::Lane(room) => self.lanes.get(&room),
            Way::Replay => self.replay.as_ref().map(|replay| &replay.lane),
            _ => None,
        };
        let failed = lane.and_then(|lane| lane.trial.as_ref());
        flight.timeouts > 0
            || self.taken_turn > flight.sent_turn
            || failed.is_some_and(|trial| self.taken_turn > trial.first_turn)
    }

    fn taken(&mut self, way: Way, flight: Flight, pending: &[Position], took: Duration, now: Instant, timing: &Timing) {
        self.turn += 1;
        self.taken_turn = self.turn;
        self.failing.clear();
        self.life();
        self.last_error = None;
        self.last_success = Some(crate::timing::now_ms());
        let Flight { transaction, upto, .. } = flight;
        let count = transaction.entries.len();
        self.took.note(&transaction);
        match way {
            Way::Log => {
                self.pace.taken(count, took);
                self.advance(upto);
            }
            Way::Exceptions => {
                self.pace.taken(count, took);
                for entry in &transaction.entries {
                    self.exceptions.remove(&entry.position);
                    self.dirty.insert(entry.position);
                }
                self.moved = true;
            }
            Way::Lane(room) => {
                if let Some(lane) = self.lanes.get_mut(&room) {
                    lane.pace.taken(count, took);
                    lane.advance(upto);
                }
                self.moved = true;
                self.close(room);
            }
            Way::Replay => {
                if let Some(replay) = &mut self.replay {
                    replay.lane.pace.taken(count, took);
                    replay.lane.advance(upto);
                }
                transaction.entries.iter().for_each(|entry| self.redeem(entry.position));
                self.moved = true;
                self.end_replay();
            }
            Way::Aside => self.aside_taken(&transaction, now),
        }
        for entry in &transaction.entries {
            self.given_up.remove(&entry.position);
            if pending.contains(&entry.position) {
                self.open(entry, ExceptionKind::Pending, transaction.attempt, now);
            }
            self.settle_early(entry, now, timing);
        }
        if !pending.is_empty() {
            self.write_soon(now + timing.settle_linger);
        }
    }

    /// `unanswered`: the destination was silent about this, though not about other things.
    fn failed(&mut self, way: Way, flight: Flight, reason: &Reason, unanswered: bool, now: Instant, timing: &Timing) {
        let given_up = self.give_up(&flight, now);
        if way == Way::Aside {
            return self.aside_failed(&flight.transaction, &reason.text, now, timing);
        }
        if let [alone] = &flight.transaction.entries[..] {
            let (alone, upto) = (Arc::clone(alone), flight.upto);
            if !given_up.is_empty() {
                return self.dissolve(way, flight, &given_up);
            }
            return self.failed_alone(way, &alone, upto, &reason.text, now, timing);
        }
        let (count, upto) = (flight.transaction.entries.len(), flight.upto);
        let pace = match way {
            Way::Lane(room) => self.lanes.get_mut(&room).map(|lane| &mut lane.pace),
            Way::Replay => self.replay.as_mut().map(|replay| &mut replay.lane.pace),
            _ => Some(&mut self.pace),
        };
        match pace {
            Some(pace) if unanswered => pace.unanswered(upto),
            Some(pace) => pace.failed(count),
            None => {}
        }
        self.dissolve(way, flight, &given_up);
    }

    fn failed_alone(
        &mut self,
        way: Way,
        entry: &Arc<Entry>,
        upto: Position,
        reason: &str,
        now: Instant,
        timing: &Timing,
    ) {
        let evidence = self.evidence(entry.position);
        if self.failing.len() >= OUTAGE {
            // Not for long: what else there is tells whether it is one.
            self.source = 0;
            self.hold_for(timing.delay(self.failing.len() as u32).min(timing.back_off * OUTAGE_HOLD), now);
        }
        self.moved = true;
        self.write_soon(now);
        if way == Way::Exceptions {
            return self.exception_failed(entry, reason, &evidence, now, timing);
        }
        let turn = self.turn;
        let is_dead = self.dead_letters.contains(&entry.position);
        let lane = match (way, &mut self.replay) {
            // it is a dead letter, and stays one
            (Way::Replay, Some(replay)) if is_dead => {
                replay.lane.advance(entry.position);
                self.failing.remove(&entry.position);
                return self.end_replay();
            }
            (Way::Replay, Some(replay)) => {
                replay.lane.push_front(vec![Arc::clone(entry)]);
                &mut replay.lane
            }
            (Way::Replay, None) => return,
            _ => {
                if way == Way::Log {
                    self.advance(upto);
                }
                self.detach(entry)
            }
        };
        lane.dirty = true;
        let trial = lane.trial.get_or_insert_with(|| Trial::new(turn, now));
        if !trial.fails(reason, &evidence, now, timing) {
            return;
        }
        let trial = trial.clone();
        lane.waiting.pop_front();
        lane.advance(entry.position);
        self.bury(entry.position, entry.nid, entry.room_nid, trial);
        self.close(entry.room_nid);
        self.end_replay();
    }

    /// The same transaction again, once the back-off is over.
    fn keep(&mut self, way: Way, mut flight: Flight, now: Instant) {
        let given_up = self.give_up(&flight, now);
        let is_whole = flight.transaction.entries.iter().all(|entry| match way {
            Way::Replay => self.replay.is_some() && !given_up.contains(&entry.position),
            Way::Exceptions => self.exceptions.contains_key(&entry.position),
            _ => self.is_owed(entry.position),
        });
        // what is new by then is asked for then
        let is_lossy = way == Way::Aside && !flight.transaction.is_about_devices();
        if is_lossy || !is_whole {
            return self.dissolve(way, flight, &given_up);
        }
        match Arc::get_mut(&mut flight.transaction) {
            Some(transaction) => transaction.attempt += 1,
            None => debug_assert!(false, "an answered transaction has no other holder"),
        }
        self.flights.insert(way, flight);
    }

    fn back_off(&mut self, now: Instant, timing: &Timing, retry_after: Option<Duration>) {
        let delay = timing.delay(self.failures + 1).max(retry_after.unwrap_or_default());
        self.hold_for(delay.min(timing.back_off_limit), now);
    }

    /// One back-off for all that is refused at the same time.
    fn hold_for(&mut self, delay: Duration, now: Instant) {
        if self.hold.is_some_and(|until| until > now) {
            return;
        }
        self.failures += 1;
        self.hold = Some(now + delay);
        self.start_limit = None;
    }

    fn error(&mut self, reason: &Reason) {
        let Reason { kind, text } = reason;
        self.last_error = Some(LastError { kind: *kind, reason: text.clone(), at: crate::timing::now_ms() });
    }

    /// A sign of life ends a back-off, once the destination has started: when it has made no request for a while, at the
    /// latest after a second. Some (heisenbridge, bridgev2) listen, and refuse or forget what they are told, before they
    /// know their rooms and logins again. True: it ends sooner than it would have.
    pub fn alive(&mut self, now: Instant) -> bool {
        let Some(until) = self.hold else { return false };
        let limit = *self.start_limit.get_or_insert(now + START_LIMIT);
        let started = (now + STARTED).min(limit).max(now);
        self.hold = Some(started);
        self.failures = 0;
        started < until
    }

    /// It answers, where it was away: as [`Self::alive`], and then what failed is tried too.
    pub fn answering(&mut self, now: Instant) {
        self.alive(now);
        self.try_all(now);
    }

    /// It is perhaps another than before: everything is tried at once.
    pub fn returned(&mut self, now: Instant) {
        self.life();
        self.try_all(now);
    }

    fn try_all(&mut self, now: Instant) {
        let lanes = self.lanes.values_mut().chain(self.replay.iter_mut().map(|replay| &mut replay.lane));
        let trials = lanes.filter_map(|lane| lane.trial.as_mut());
        for trial in trials.chain(self.exceptions.values_mut().map(|open| &mut open.trial)) {
            trial.due = trial.due.min(now);
        }
    }

    /// It is there: no back-off any more.
    pub fn life(&mut self) {
        self.hold = None;
        self.start_limit = None;
        self.failures = 0;
    }
}
