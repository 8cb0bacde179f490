//! What is shown of a queue.

use std::sync::Arc;

use causeway_store::{Entry, EventNid, Exception, ExceptionKind, Position, RoomNid, Stretch};
use tokio::time::Instant;

use super::State;
use super::exceptions::Open;
use super::flights::{Flight, Way};
use super::lane::Lane;
use crate::deliveries::{Delivery, DeliveryState};
use crate::destination::Transaction;

/// What waits in the log itself, to be counted.
#[derive(Default)]
pub(crate) struct Behind {
    pub log: Option<Stretch>,
    pub rooms: Vec<(RoomNid, Stretch)>,
    pub replay: Option<Stretch>,
}

/// What of a stretch of the log is not done with: in memory, to be looked up, and still to be read.
pub(crate) struct Owed {
    pub entries: Vec<Arc<Entry>>,
    pub exceptions: Vec<EventNid>,
    pub log: Option<Stretch>,
    pub rooms: Vec<(RoomNid, Stretch)>,
}

/// A room that goes its own way, or a replay.
pub(crate) struct LaneView<'a> {
    pub room_id: Option<&'a str>,
    pub cursor: Position,
    /// in memory
    pub waiting: usize,
    pub first: Option<(Position, &'a str)>,
    pub attempts: u32,
    pub reason: &'a str,
    pub since: i64,
    pub retry_at: Option<Instant>,
}

impl State {
    pub fn cursor(&self) -> Position {
        self.cursor
    }

    pub fn dead_letters(&self) -> usize {
        self.dead_letters.len()
    }

    pub fn held_until(&self) -> Option<Instant> {
        self.hold
    }

    /// By age.
    pub fn in_flight(&self) -> Vec<&Transaction> {
        let mut flights: Vec<&Flight> = self.flights.values().collect();
        flights.sort_by_key(|flight| flight.serial);
        flights.into_iter().map(|flight| &*flight.transaction).collect()
    }

    /// How far the entry at this position has come, which the destination is interested in.
    pub fn delivery_of(&self, position: Position, room: RoomNid) -> Delivery {
        let mut delivery = self.progress_of(position, room);
        let flights = self.flights.iter().filter(|(way, _)| **way != Way::Replay).map(|(_, flight)| flight);
        let in_flight = flights.filter(|flight| flight.has(position)).map(|flight| &flight.transaction.id).next();
        let waits = delivery.state == DeliveryState::Waiting;
        delivery.txn_id = in_flight.or_else(|| self.took.of(position)).filter(|_| !waits).cloned();
        delivery
    }

    fn progress_of(&self, position: Position, room: RoomNid) -> Delivery {
        let held = || match (&self.last_error, self.hold) {
            _ if self.paused => Some("paused by an admin".to_owned()),
            (Some(error), Some(_)) => Some(error.reason.clone()),
            _ => None,
        };
        let delivery = Delivery::new;
        if self.dead_letters.contains(&position) {
            return delivery(DeliveryState::Dead, 0, None);
        }
        if let Some(open) = self.exceptions.get(&position) {
            let reason = Some(open.trial.reason.clone()).filter(|reason| !reason.is_empty());
            let state = match open.kind {
                ExceptionKind::Pending => DeliveryState::Bridge,
                ExceptionKind::Split | ExceptionKind::Late => DeliveryState::Retrying,
            };
            return delivery(state, open.trial.attempts, reason);
        }
        let flight = self.flights.iter().find(|(way, flight)| **way != Way::Replay && flight.has(position));
        if let Some((_, flight)) = flight {
            let attempt = flight.transaction.attempt;
            let is_first = attempt == 1 || flight.away && self.hold.is_none() && self.failures == 0;
            let state = if is_first { DeliveryState::Sending } else { DeliveryState::Retrying };
            return delivery(state, attempt, held());
        }
        if let Some(lane) = self.lanes.get(&room).filter(|lane| position > lane.cursor) {
            let is_first = lane.waiting.front().is_some_and(|entry| entry.position == position);
            return match &lane.trial {
                Some(trial) if is_first => {
                    delivery(DeliveryState::Retrying, trial.attempts, Some(trial.reason.clone()))
                }
                Some(_) => {
                    let reason = "waits behind an event of its room that failed".to_owned();
                    delivery(DeliveryState::Waiting, 0, Some(reason))
                }
                None => delivery(DeliveryState::Waiting, 0, held()),
            };
        }
        if position > self.done_with(room) {
            return delivery(DeliveryState::Waiting, 0, held());
        }
        delivery(DeliveryState::Bridge, 0, None)
    }

    /// What it has not done with in a stretch of the log.
    pub fn owed(&self, within: Stretch) -> Owed {
        let is_within = |position: &Position| *position > within.after && *position <= within.until;
        let flights = self.flights.iter().filter(|(way, _)| matches!(way, Way::Log | Way::Lane(_)));
        let flights = flights.flat_map(|(_, flight)| &flight.transaction.entries);
        let lanes = self.lanes.values().flat_map(|lane| &lane.waiting);
        let entries = flights.chain(lanes).chain(&self.ahead).chain(&self.inbox);
        let clipped = |stretch: Stretch| Stretch {
            after: stretch.after.max(within.after),
            until: stretch.until.min(within.until),
        };
        let Behind { log, rooms, replay: _ } = self.behind();
        Owed {
            entries: entries.filter(|entry| is_within(&entry.position)).cloned().collect(),
            exceptions: self.exceptions.iter().filter(|(at, _)| is_within(at)).map(|(_, open)| open.event).collect(),
            log: log.map(clipped),
            rooms: rooms.into_iter().map(|(room, stretch)| (room, clipped(stretch))).collect(),
        }
    }

    /// Whether an entry that it is interested in is neither done with nor given up.
    pub fn is_open(&self, position: Position, room: RoomNid) -> bool {
        if self.dead_letters.contains(&position) {
            return false;
        }
        let mut flights = self.flights.iter().filter(|(way, _)| **way != Way::Replay);
        self.exceptions.contains_key(&position)
            || flights.any(|(_, flight)| flight.has(position))
            || position > self.done_with(room).max(self.lapsed)
    }

    /// Everything of the room up to here is taken, but for exceptions and what is in flight.
    fn done_with(&self, room: RoomNid) -> Position {
        self.lanes.get(&room).map_or(self.cursor, |lane| lane.cursor)
    }

    /// Entries in memory that are still to be taken; those of a replay are not counted.
    pub fn in_memory(&self) -> usize {
        let flights = self.flights.iter().filter(|(way, _)| matches!(way, Way::Log | Way::Lane(_)));
        let flights: usize = flights.map(|(_, flight)| flight.transaction.entries.len()).sum();
        let lanes: usize = self.lanes.values().map(|lane| lane.waiting.len()).sum();
        flights + lanes + self.ahead.len() + self.inbox.len() + self.exceptions.len()
    }

    pub fn behind(&self) -> Behind {
        let room = |(room, lane): (&RoomNid, &Lane)| {
            let stretch = Stretch { after: lane.read, until: self.scanned };
            (lane.behind && stretch.after < stretch.until).then_some((*room, stretch))
        };
        let replay = self.replay.as_ref().filter(|replay| replay.lane.behind);
        Behind {
            log: self.behind.then(|| Stretch::after(self.read)),
            rooms: self.lanes.iter().filter_map(room).collect(),
            replay: replay.map(|replay| Stretch { after: replay.lane.read, until: replay.until }),
        }
    }

    /// When the oldest of them was made, in milliseconds since the Unix epoch.
    pub fn oldest(&self) -> Option<i64> {
        let flights = self.flights.iter().filter(|(way, _)| matches!(way, Way::Log | Way::Lane(_)));
        let flights = flights.filter_map(|(_, flight)| flight.transaction.entries.first());
        let lanes = self.lanes.values().filter_map(|lane| lane.waiting.front());
        let waiting = flights.chain(lanes).chain(self.ahead.front()).chain(self.inbox.front());
        let waiting = waiting.map(|entry| entry.origin_server_ts);
        waiting.chain(self.exceptions.values().map(|open| open.trial.since)).min()
    }

    pub fn exceptions(&self) -> impl Iterator<Item = Exception> {
        self.exceptions.iter().map(|(position, open): (&Position, &Open)| open.row(*position))
    }

    /// Rooms that go their own way.
    pub fn lanes(&self) -> impl Iterator<Item = LaneView<'_>> {
        self.lanes.iter().map(|(room, lane)| self.lane_view(lane, self.flights.get(&Way::Lane(*room))))
    }

    /// The replay under way and its last position.
    pub fn replay_view(&self) -> Option<(LaneView<'_>, Position)> {
        let replay = self.replay.as_ref()?;
        Some((self.lane_view(&replay.lane, self.flights.get(&Way::Replay)), replay.until))
    }

    fn lane_view<'a>(&self, lane: &'a Lane, flight: Option<&'a Flight>) -> LaneView<'a> {
        let in_flight = flight.and_then(|flight| flight.transaction.entries.first());
        let first = in_flight.or(lane.waiting.front());
        LaneView {
            room_id: first.map(|entry| &*entry.room_id),
            cursor: lane.cursor,
            waiting: lane.waiting.len() + flight.map_or(0, |flight| flight.transaction.entries.len()),
            first: first.map(|entry| (entry.position, &*entry.event_id)),
            attempts: lane.trial.as_ref().map_or(0, |trial| trial.attempts),
            reason: lane.trial.as_ref().map_or("", |trial| &trial.reason),
            since: lane.trial.as_ref().map_or(0, |trial| trial.since),
            retry_at: lane.trial.as_ref().map(|trial| trial.due),
        }
    }
}
