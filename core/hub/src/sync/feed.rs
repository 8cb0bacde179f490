//! Follows what happens and wakes those whom it concerns.

use std::sync::{Arc, Weak};

use causeway_store::{Entry, Group, Notice};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::Inner;
use crate::rooms::redacts;

/// Until the last [`super::Sync`] is dropped.
pub(super) fn start(inner: &Arc<Inner>, groups: Receiver<Arc<Group>>) {
    tokio::spawn(follow(Arc::downgrade(inner), groups, async |inner, group| match group {
        Some(group) => inner.committed(&group).await,
        None => inner.lagged(),
    }));
    tokio::spawn(follow(Arc::downgrade(inner), inner.typing.watch(), async |inner, room_id| match room_id {
        Some(room_id) => inner.notifier.wake(&room_id),
        None => inner.notifier.wake_all(),
    }));
    tokio::spawn(follow(Arc::downgrade(inner), inner.presences.watch(), async |inner, user_id| {
        if let Some(user_id) = user_id {
            inner.wake_contacts(user_id.as_str()).await;
        }
    }));
}

/// Calls `each` with what comes, or with none when something was missed.
async fn follow<T: Clone>(inner: Weak<Inner>, mut source: Receiver<T>, each: impl AsyncFn(&Inner, Option<T>)) {
    loop {
        let next = match source.recv().await {
            Ok(next) => Some(next),
            Err(RecvError::Lagged(_)) => None,
            Err(RecvError::Closed) => return,
        };
        let Some(inner) = inner.upgrade() else { return };
        each(&inner, next).await;
    }
}

impl Inner {
    async fn committed(&self, group: &Group) {
        for notice in &group.notices {
            match notice {
                Notice::Event(entry) => self.appended(entry).await,
                _ => continue,
            }
        }
        // Before anybody is woken, so that whoever builds an answer sees it all.
        self.notifier.reach(group.position);
        for notice in &group.notices {
            match notice {
                Notice::Event(entry) => {
                    self.notifier.wake(&entry.room_id);
                    if &*entry.event_type == "m.room.member"
                        && let Some(target) = &entry.state_key
                    {
                        self.notifier.wake(target);
                    }
                }
                Notice::Receipt { room_id, .. } => self.notifier.wake(room_id),
                Notice::AccountData { user_id } => {
                    self.notifications.forget(user_id);
                    self.notifier.wake(user_id);
                }
                Notice::ToDevice { user_id, .. } => self.notifier.wake(user_id),
                Notice::DeviceList { user_id } => {
                    self.notifier.wake(user_id);
                    self.wake_contacts(user_id).await;
                }
                Notice::KeyCounts { .. } | Notice::Pushers | Notice::Registrations => {}
            }
        }
    }

    async fn appended(&self, entry: &Arc<Entry>) {
        self.notifier.recent().push(entry);
        let Some(target) = redacts(entry) else { return };
        if self.notifier.recent().holds(&target) {
            match self.store.event_by_id(&target).await {
                Ok(Some(event)) => self.notifier.recent().replace(event),
                // Better to read everything anew than to show what was redacted.
                Ok(None) | Err(_) => self.notifier.recent().restart(entry.position),
            }
        }
    }

    fn lagged(&self) {
        let position = self.store.position();
        self.notifier.recent().restart(position);
        self.notifier.reach(position);
        self.notifier.wake_all();
    }

    /// Those who share a room with a user, as rooms.
    async fn wake_contacts(&self, user_id: &str) {
        match self.store.user_rooms(user_id).await {
            Ok(rooms) => {
                rooms
                    .iter()
                    .filter(|room| &*room.membership == "join")
                    .for_each(|room| self.notifier.wake(&room.room_id));
            }
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "cannot tell whom a change concerns");
                self.notifier.wake_all();
            }
        }
    }
}
