//! The newest entries of the log, in memory: most syncs ask for nothing older.

use std::collections::VecDeque;
use std::sync::Arc;

use causeway_store::{Entry, Position, RoomNid, StoredEvent};

use crate::timelines::Item;

/// Entries kept; a kilobyte or so each.
const KEPT: usize = 4096;

pub(super) struct Recent {
    /// everything live after this is here
    floor: Position,
    items: VecDeque<Item>,
}

impl Recent {
    pub fn new(floor: Position) -> Self {
        Self { floor, items: VecDeque::new() }
    }

    pub fn push(&mut self, entry: &Arc<Entry>) {
        if self.items.len() == KEPT
            && let Some(oldest) = self.items.pop_front()
        {
            self.floor = oldest.entry.position;
        }
        self.items.push_back(Arc::clone(entry).into());
    }

    /// Something was missed.
    pub fn restart(&mut self, floor: Position) {
        *self = Self::new(floor);
    }

    pub fn holds(&self, event_id: &str) -> bool {
        self.items.iter().any(|item| *item.entry.event_id == *event_id)
    }

    /// Puts a redacted event in the place of what it was.
    pub fn replace(&mut self, event: StoredEvent) {
        if let Some(item) = self.items.iter_mut().find(|item| item.entry.nid == event.entry.nid) {
            *item = event.into();
        }
    }

    /// A room's live entries after a position, up to another, oldest first; none when they are not all here.
    pub fn of_room(&self, room: RoomNid, after: Position, to: Position) -> Option<Vec<Item>> {
        if after < self.floor {
            return None;
        }
        let begin = self.items.partition_point(|item| item.entry.position <= after);
        let end = self.items.partition_point(|item| item.entry.position <= to);
        let wanted = self.items.range(begin..end.max(begin)).filter(|item| item.entry.room_nid == room);
        Some(wanted.cloned().collect())
    }
}
