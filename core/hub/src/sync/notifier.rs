//! Who waits for what, and how far the log is known here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_store::{Position, RoomNid};
use tokio::sync::{Notify, watch};

use super::recent::Recent;
use crate::timelines::Item;

pub(super) struct Notifier {
    inner: Arc<Shared>,
    reached: watch::Sender<Position>,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    /// by room id or user id
    by_key: HashMap<Arc<str>, HashMap<u64, Arc<Notify>>>,
}

/// A request that waits. Dropped, it is forgotten.
pub(super) struct Waiter {
    shared: Arc<Shared>,
    id: u64,
    keys: Vec<Arc<str>>,
    rooms: usize,
    notify: Arc<Notify>,
}

impl Notifier {
    pub fn new(position: Position) -> Self {
        Self { inner: Arc::default(), reached: watch::Sender::new(position), recent: Mutex::new(Recent::new(position)) }
    }

    /// Everything up to here has been told.
    pub fn position(&self) -> Position {
        *self.reached.borrow()
    }

    /// Waits until everything up to a position, which is committed, has been told.
    pub async fn reached(&self, position: Position) {
        // The sender lives as long as `self`.
        let _ = self.reached.subscribe().wait_for(|reached| *reached >= position).await;
    }

    pub fn reach(&self, position: Position) {
        self.reached.send_if_modified(|reached| {
            let later = position > *reached;
            if later {
                *reached = position;
            }
            later
        });
    }

    pub fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn recent_of(&self, room: RoomNid, after: Position, to: Position) -> Option<Vec<Item>> {
        self.recent().of_room(room, after, to)
    }

    /// Wakes those who wait for a room or a user.
    pub fn wake(&self, key: &str) {
        if let Some(waiters) = self.inner.waiting().by_key.get(key) {
            waiters.values().for_each(|notify| notify.notify_one());
        }
    }

    pub fn wake_all(&self) {
        self.inner.waiting().by_key.values().flat_map(HashMap::values).for_each(|notify| notify.notify_one());
    }

    pub fn wait_for(&self, user_id: &str, rooms: &[Arc<str>]) -> Waiter {
        let notify = Arc::new(Notify::new());
        let keys: Vec<Arc<str>> = rooms.iter().cloned().chain([user_id.into()]).collect();
        let mut waiting = self.inner.waiting();
        waiting.next += 1;
        let id = waiting.next;
        for key in &keys {
            waiting.by_key.entry(Arc::clone(key)).or_default().insert(id, Arc::clone(&notify));
        }
        drop(waiting);
        Waiter { shared: Arc::clone(&self.inner), id, keys, rooms: rooms.len(), notify }
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    pub async fn woken(&self) {
        self.notify.notified().await;
    }

    pub fn waits_for(&self, rooms: &[Arc<str>]) -> bool {
        self.keys[..self.rooms] == *rooms
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.shared.waiting();
        for key in &self.keys {
            if let Some(waiters) = waiting.by_key.get_mut(key) {
                waiters.remove(&self.id);
                if waiters.is_empty() {
                    waiting.by_key.remove(key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn wake_reaches_those_of_the_room_also_before_they_wait_and_nobody_after_they_are_gone() {
        let notifier = Notifier::new(Position(0));
        let waiter = notifier.wait_for("@a:b", &["!r".into()]);
        notifier.wake("!other");
        notifier.wake("!r");
        waiter.woken().await;
        assert!(waiter.waits_for(&["!r".into()]));
        assert!(!waiter.waits_for(&[]));
        drop(waiter);
        assert!(notifier.inner.waiting().by_key.is_empty());
    }
}
