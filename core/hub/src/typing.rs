//! Who is typing where: in memory, may be lost.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ruma::{OwnedUserId, RoomId, UserId};
use tokio::sync::broadcast;
use tokio::task::AbortHandle;

use crate::lossy::Lossy;

/// Changes that a slow watcher may be behind.
const WATCHED: usize = 1024;
/// No client may be shown as typing for longer without saying so again.
const LONGEST: Duration = Duration::from_secs(120);

#[derive(Clone)]
pub struct Typing {
    inner: Arc<Inner>,
}

struct Inner {
    rooms: Mutex<HashMap<Arc<str>, Room>>,
    lossy: Lossy,
    changes: broadcast::Sender<Arc<str>>,
}

#[derive(Default)]
struct Room {
    /// of the last change
    serial: u64,
    users: HashMap<OwnedUserId, AbortHandle>,
}

impl Typing {
    pub fn new(lossy: Lossy) -> Self {
        let (changes, _) = broadcast::channel(WATCHED);
        Self { inner: Arc::new(Inner { rooms: Mutex::default(), lossy, changes }) }
    }

    /// `timeout` none: stopped.
    pub fn set(&self, room_id: &RoomId, user_id: &UserId, timeout: Option<Duration>) {
        let room_id: Arc<str> = room_id.as_str().into();
        let changed = {
            let mut rooms = self.inner.rooms();
            let room = rooms.entry(Arc::clone(&room_id)).or_default();
            let before = room.users.remove(user_id);
            if let Some(expiry) = &before {
                expiry.abort();
            }
            if let Some(timeout) = timeout {
                let expiry = self.expire(Arc::clone(&room_id), user_id.to_owned(), timeout.min(LONGEST));
                room.users.insert(user_id.to_owned(), expiry);
            }
            let changed = before.is_some() != timeout.is_some();
            if changed {
                room.serial = self.inner.lossy.next();
            }
            changed
        };
        if changed {
            // Nobody may be watching.
            let _ = self.inner.changes.send(room_id);
        }
    }

    fn expire(&self, room_id: Arc<str>, user_id: OwnedUserId, after: Duration) -> AbortHandle {
        let inner = Arc::downgrade(&self.inner);
        let expiry = tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let Some(inner) = inner.upgrade() else { return };
            if let Some(room) = inner.rooms().get_mut(&room_id) {
                room.users.remove(&user_id);
                room.serial = inner.lossy.next();
            }
            let _ = inner.changes.send(room_id);
        });
        expiry.abort_handle()
    }

    /// Those who type in a room, when that has changed after a mark; empty: they have stopped.
    pub fn changed_after(&self, room_id: &str, mark: u64) -> Option<BTreeSet<OwnedUserId>> {
        let rooms = self.inner.rooms();
        let room = rooms.get(room_id).filter(|room| room.serial > mark)?;
        Some(room.users.keys().cloned().collect())
    }

    /// Rooms where something has changed after a mark.
    pub fn rooms_changed_after(&self, mark: u64) -> Vec<Arc<str>> {
        self.inner
            .rooms()
            .iter()
            .filter(|(_, room)| room.serial > mark)
            .map(|(room_id, _)| Arc::clone(room_id))
            .collect()
    }

    /// Rooms where something changes from now on.
    pub fn watch(&self) -> broadcast::Receiver<Arc<str>> {
        self.inner.changes.subscribe()
    }
}

impl Inner {
    fn rooms(&self) -> MutexGuard<'_, HashMap<Arc<str>, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use ruma::{room_id, user_id};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn typing_ends_by_itself_and_the_end_is_told() {
        let typing = Typing::new(Lossy::starting_at(0));
        let mut changes = typing.watch();
        typing.set(room_id!("!r:hub.test"), user_id!("@a:hub.test"), Some(Duration::from_secs(5)));
        assert_eq!(&*changes.recv().await.unwrap(), "!r:hub.test");
        assert_eq!(typing.changed_after("!r:hub.test", 0).unwrap().len(), 1);
        assert_eq!(&*changes.recv().await.unwrap(), "!r:hub.test");
        assert!(typing.changed_after("!r:hub.test", 1).unwrap().is_empty());
        assert!(typing.changed_after("!r:hub.test", 2).is_none());
    }
}
