//! The rooms in memory: those used last, as many as fit.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::slot::Slot;

/// Rooms kept, and state events of all of them together: some 2 kB each.
const LIMITS: Limits = Limits { rooms: 10_000, state_events: 200_000 };

#[derive(Clone, Copy)]
struct Limits {
    rooms: usize,
    state_events: usize,
}

impl Limits {
    /// What is kept when there was too much, so that not every new room has to look for what to drop.
    fn three_quarters(self) -> Self {
        Self { rooms: self.rooms / 4 * 3, state_events: self.state_events / 4 * 3 }
    }
}

pub(super) struct Slots {
    limits: Limits,
    rooms: Mutex<Rooms>,
    /// kept up to date by each slot
    state_events: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Rooms {
    by_id: HashMap<Box<str>, Kept>,
    clock: u64,
}

struct Kept {
    slot: Arc<Slot>,
    used: u64,
}

impl Default for Slots {
    fn default() -> Self {
        Self::new(LIMITS)
    }
}

impl Slots {
    fn new(limits: Limits) -> Self {
        Self { limits, rooms: Mutex::default(), state_events: Arc::default() }
    }

    /// A room's slot; an empty one when it is not in memory.
    pub fn get(&self, room_id: &str) -> Arc<Slot> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.clock += 1;
        let used = rooms.clock;
        if let Some(kept) = rooms.by_id.get_mut(room_id) {
            kept.used = used;
            return Arc::clone(&kept.slot);
        }
        if rooms.by_id.len() >= self.limits.rooms || self.state_events() > self.limits.state_events {
            self.drop_oldest(&mut rooms);
        }
        let slot = Arc::new(Slot::new(Arc::clone(&self.state_events)));
        rooms.by_id.insert(room_id.into(), Kept { slot: Arc::clone(&slot), used });
        slot
    }

    fn state_events(&self) -> usize {
        self.state_events.load(Ordering::Relaxed)
    }

    fn drop_oldest(&self, rooms: &mut Rooms) {
        let keep = self.limits.three_quarters();
        // A slot in use is the room's one lock.
        let idle = rooms.by_id.iter().filter(|(_, kept)| Arc::strong_count(&kept.slot) == 1);
        let mut idle: Vec<(u64, Box<str>)> = idle.map(|(room_id, kept)| (kept.used, room_id.clone())).collect();
        idle.sort_unstable();
        for (_, room_id) in idle {
            if rooms.by_id.len() <= keep.rooms && self.state_events() <= keep.state_events {
                break;
            }
            rooms.by_id.remove(&room_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(slots: &Slots) -> Vec<String> {
        let rooms = slots.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<String> = rooms.by_id.keys().map(|name| name.to_string()).collect();
        names.sort();
        names
    }

    #[test]
    fn rooms_that_were_used_last_and_those_in_use_stay() {
        let slots = Slots::new(Limits { rooms: 8, state_events: 1_000 });
        let in_use = slots.get("!0");
        for room in 1..8 {
            slots.get(&format!("!{room}"));
        }
        slots.get("!1");
        slots.get("!new");
        assert_eq!(names(&slots), ["!0", "!1", "!4", "!5", "!6", "!7", "!new"]);
        assert!(Arc::ptr_eq(&in_use, &slots.get("!0")));
    }

    #[test]
    fn large_rooms_make_place_for_new_ones() {
        let slots = Slots::new(Limits { rooms: 1_000, state_events: 100 });
        for (room, size) in [("!a", 40), ("!b", 50), ("!c", 20)] {
            slots.get(room).weigh(size);
        }
        slots.get("!d");
        assert_eq!(names(&slots), ["!b", "!c", "!d"]);
        assert_eq!(slots.state_events(), 70);
    }
}
