//! A transaction that is recorded in the commit of its own events (design §5.6).

use causeway_store::{EventNid, Position, Statement, record_transaction};
use tokio::time::Instant;

use super::flights::Way;
use super::{PREPARED_TICK, Prepared, State};

impl State {
    /// Makes the transaction that rode on somebody's commit the one in flight; or says until when to wait for it.
    pub(super) fn take_prepared(&mut self, now: Instant, seen: Position) -> Option<Instant> {
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
            let upto = entries.last().map_or(self.read, |entry| entry.position);
            self.read = upto;
            self.scanned = self.scanned.max(upto);
            self.moved = false;
            self.write_by = None;
            let room = entries[0].room_nid;
            if self.parallel > 1 && entries.iter().all(|entry| entry.room_nid == room) {
                // its record moves to the lane's row with the next write
                let lane = self.detach(&entries[0]);
                lane.waiting.clear();
                lane.read = upto;
                self.advance(upto);
                self.launch_under(serial, Way::Lane(room), entries, Some(0));
            } else {
                self.launch_under(serial, Way::Log, entries, Some(0));
            }
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
        if !self.is_at_rest() || events.is_empty() || events.len() > self.pace.size(Position(i64::MAX)) {
            return None;
        }
        self.serial += 1;
        let statement = record_transaction(self.nid, self.progress(), self.serial, &events);
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
}
