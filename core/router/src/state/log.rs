//! The log as the destination reads it: new entries at its tail, pages of what came before, and how they become
//! transactions or go to their rooms' lanes.

use std::sync::Arc;

use causeway_store::{Entry, Position, RoomNid};
use tokio::time::Instant;

use super::flights::Way;
use super::lane::Lane;
use super::{EXCEPTIONS, INBOX, LANES, PAGE, State};
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

    /// Whether the log is to be read before the next transaction, so that it is a full one.
    pub(super) fn wants_page(&self) -> bool {
        let first = self.ahead.front().map_or(Position(i64::MAX), |entry| entry.position);
        self.behind && self.ahead.len() < self.pace.size(first)
    }

    /// Answers [`super::Reading::Log`].
    pub fn page(&mut self, entries: Vec<Arc<Entry>>) {
        if entries.len() >= PAGE {
            self.fall_behind();
        }
        if let Some(last) = entries.last() {
            self.read = last.position;
        }
        self.ahead.extend(entries);
    }

    /// Answers [`super::Reading::Lane`], which asked for `limit` entries.
    pub fn lane_page(&mut self, room: RoomNid, entries: Vec<Arc<Entry>>, limit: usize) {
        if let Some(lane) = self.lanes.get_mut(&room) {
            let is_last = entries.len() < limit;
            lane.page(entries, is_last);
        }
        self.close(room);
    }

    /// The database did not answer: look again in a while.
    pub fn failed_to_read(&mut self, now: Instant, timing: &Timing) {
        self.fall_behind();
        self.aside.wants_ephemeral = true;
        self.aside.wants_devices = true;
        self.hold = Some(now + timing.delay(1));
    }

    /// What comes next was read from the log, not handed over as it was new.
    pub(super) fn catches_up(&self) -> bool {
        self.behind || !self.ahead.is_empty()
    }

    fn next_of_log(&mut self, after: Position) -> Option<Arc<Entry>> {
        loop {
            let entry = self.ahead.pop_front().or_else(|| self.inbox.pop_front())?;
            if entry.position > after && entry.position > self.cursor {
                return Some(entry);
            }
        }
    }

    /// Takes the next entries of the log into flight; those of rooms with lanes go there. False: there are none.
    pub(super) fn depart_log(&mut self, now: Instant) -> bool {
        if self.flights.contains_key(&Way::Log) || self.flights.contains_key(&Way::Exceptions) {
            return false;
        }
        let mut entries: Vec<Arc<Entry>> = Vec::new();
        let mut upto = Position(0);
        let mut size = usize::MAX;
        let catches_up = self.catches_up();
        while entries.len() < size && self.may_take_more() {
            let Some(entry) = self.next_of_log(upto) else { break };
            upto = entry.position;
            self.hand_over(upto);
            if self.exceptions.contains_key(&upto) || !self.is_owed(upto) {
                continue;
            }
            match self.lanes.get_mut(&entry.room_nid) {
                Some(lane) => lane.push(&entry),
                None => {
                    if entries.is_empty() {
                        size = self.pace.size(upto);
                    }
                    entries.push(entry);
                }
            }
        }
        if upto == Position(0) {
            return false;
        }
        if entries.is_empty() {
            self.advance(upto);
        } else {
            if catches_up {
                self.courtesy.departs(now);
            }
            self.launch(Way::Log, entries);
            self.flights.get_mut(&Way::Log).expect("launched just now").upto = upto;
        }
        true
    }

    /// Gives entries of the log to their rooms' lanes, until `wanted` of those have something to send. False: there are
    /// none. What was in flight by the log's way, from before rooms went side by side, is waited for.
    pub(super) fn spread_log(&mut self, wanted: usize) -> bool {
        if self.flights.contains_key(&Way::Log) {
            return false;
        }
        let (mut upto, mut ready) = (Position(0), 0);
        while ready < wanted && self.may_take_more() {
            let Some(entry) = self.next_of_log(upto) else { break };
            upto = entry.position;
            self.hand_over(upto);
            if self.exceptions.contains_key(&upto) || !self.is_owed(upto) {
                continue;
            }
            let was_empty = self.lanes.get(&entry.room_nid).is_none_or(|lane| lane.waiting.is_empty());
            self.lane(&entry, upto).push(&entry);
            ready += usize::from(was_empty);
        }
        if upto == Position(0) {
            return false;
        }
        self.advance(upto);
        true
    }

    fn may_take_more(&self) -> bool {
        self.exceptions.len() < EXCEPTIONS && self.lanes.len() < LANES
    }

    /// Everything up to there is in flight, with a lane, or done.
    fn hand_over(&mut self, upto: Position) {
        self.read = self.read.max(upto);
        self.scanned = self.scanned.max(upto);
    }

    pub(super) fn advance(&mut self, upto: Position) {
        self.cursor = self.cursor.max(upto);
        self.moved = true;
        std::mem::take(&mut self.idle).into_iter().for_each(|room| self.close(room));
    }

    /// The lane of an entry's room; a new one begins right before `position`.
    fn lane(&mut self, entry: &Entry, position: Position) -> &mut Lane {
        let (batch, room) = (self.batch, entry.room_nid);
        let closed = &mut self.closed;
        self.lanes.entry(room).or_insert_with(|| {
            let mut lane = Lane::new(Position(position.0 - 1), batch);
            lane.stored = closed.remove(&room);
            lane
        })
    }

    /// From here on the entry's room goes its own way, beginning with the entry.
    pub(super) fn detach(&mut self, entry: &Arc<Entry>) -> &mut Lane {
        let lane = self.lane(entry, entry.position);
        lane.push_front(vec![Arc::clone(entry)]);
        lane.cursor = Position(entry.position.0 - 1);
        lane.dirty = true;
        self.moved = true;
        self.lanes.get_mut(&entry.room_nid).expect("made above")
    }

    /// A room whose lane has nothing left goes with the others again, once the cursor has passed the lane's.
    pub(super) fn close(&mut self, room: RoomNid) {
        let Some(lane) = self.lanes.get(&room) else { return };
        if !lane.is_empty() || self.flights.contains_key(&Way::Lane(room)) {
            return;
        }
        if lane.cursor > self.cursor {
            self.idle.insert(room);
            return;
        }
        if lane.stored {
            self.closed.insert(room);
        }
        self.lanes.remove(&room);
        self.moved = true;
    }

    /// A lane that has something to send, beginning after the one served last. `failed`: of those that have failed.
    pub(super) fn ready_lane(&self, failed: bool, now: Instant) -> Option<RoomNid> {
        let is_ready = |room: &RoomNid, lane: &Lane| {
            !lane.is_empty()
                && lane.trial.is_some() == failed
                && lane.is_due(now)
                && !self.flights.contains_key(&Way::Lane(*room))
                && !self.is_in_log_flight(*room)
        };
        let after = self.lanes.range((std::ops::Bound::Excluded(self.served), std::ops::Bound::Unbounded));
        let first = self.lanes.range(..=self.served);
        after.chain(first).find(|(room, lane)| is_ready(room, lane)).map(|(room, _)| *room)
    }

    pub(super) fn depart_lane(&mut self, room: RoomNid) -> bool {
        let Some(lane) = self.lanes.get_mut(&room) else { return false };
        let mut entries = lane.depart();
        let Some(upto) = entries.last().map(|entry| entry.position) else { return false };
        lane.dirty = true;
        self.served = room;
        self.moved = true;
        entries.retain(|entry| self.is_owed(entry.position));
        if entries.is_empty() {
            if let Some(lane) = self.lanes.get_mut(&room) {
                lane.advance(upto);
            }
            self.close(room);
        } else {
            self.launch(Way::Lane(room), entries);
        }
        true
    }
}
