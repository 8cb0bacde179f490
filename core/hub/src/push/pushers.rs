//! Follows the log for everybody who has a pusher, and wakes the pushers whom something concerns: what is committed costs
//! others nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causeway_store::{Entry, EntryKind, Group, Notice, Position, PusherRow, Store, StoreError};
use ruma::OwnedUserId;
use ruma::events::room::member::MembershipState;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::gateway::{Gateways, Pusher};
use super::pushing;
use crate::notifications::Notifications;
use crate::rooms::{Rooms, membership_in};

/// What pushers are made of.
pub struct PushSources {
    pub store: Store,
    pub rooms: Rooms,
    pub notifications: Notifications,
    pub gateways: Gateways,
    /// `push.include_content`: whether gateways are told what was said
    pub include_content: bool,
    /// `push.group_unread_count_by_room`: whether a badge counts rooms, not messages
    pub count_rooms: bool,
}

pub(super) struct Shared {
    pub of: PushSources,
    /// everything up to here was told to those whom it concerns
    pub seen: watch::Sender<Position>,
    known: Mutex<Known>,
}

/// A pusher with what it has still to look at.
pub(super) struct Task {
    pub user_id: OwnedUserId,
    pub pusher: Pusher,
    /// the row's text: another one is another task
    text: String,
    waiting: Mutex<Waiting>,
    pub wake: Notify,
}

#[derive(Default)]
pub(super) struct Waiting {
    pub rooms: BTreeSet<Arc<str>>,
    /// something was read
    pub read: bool,
    /// look at every room
    pub all: bool,
    pub ended: bool,
}

#[derive(Default)]
struct Known {
    of_user: HashMap<Arc<str>, Vec<Arc<Task>>>,
    /// the tasks of those who are in a room
    in_room: HashMap<Arc<str>, Vec<Arc<Task>>>,
}

impl Task {
    pub fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mark(&self, mark: impl FnOnce(&mut Waiting)) {
        mark(&mut self.waiting());
        self.wake.notify_one();
    }
}

/// Before another try to read the pushers at the start.
const AGAIN: Duration = Duration::from_secs(1);

/// Pushes until the runtime ends. Must be called within one. The start does not wait for the pushers to be read: what is
/// committed meanwhile is looked at behind that.
pub fn start(sources: PushSources) {
    let groups = sources.store.watch();
    let position = sources.store.position();
    let shared = Arc::new(Shared { of: sources, seen: watch::Sender::new(position), known: Mutex::default() });
    tokio::spawn(follow(shared, groups));
}

async fn follow(shared: Arc<Shared>, mut groups: Receiver<Arc<Group>>) {
    while let Err(error) = shared.reload().await {
        tracing::error!(error = &error as &dyn std::error::Error, "the pushers cannot be read; trying again");
        sleep(AGAIN).await;
    }
    loop {
        match groups.recv().await {
            Ok(group) => shared.committed(&group).await,
            Err(RecvError::Lagged(_)) => shared.missed().await,
            Err(RecvError::Closed) => return,
        }
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn committed(self: &Arc<Self>, group: &Group) {
        let mut changed = false;
        for notice in &group.notices {
            match notice {
                Notice::Event(entry) if entry.kind == EntryKind::Live => self.appended(entry),
                Notice::Receipt { user_id, .. } => {
                    let known = self.known();
                    known.of_user.get(user_id).into_iter().flatten().for_each(|task| task.mark(|it| it.read = true));
                }
                Notice::Pushers => changed = true,
                _ => {}
            }
        }
        self.seen.send_replace(group.position);
        if changed {
            self.try_reload().await;
        }
    }

    async fn missed(self: &Arc<Self>) {
        self.seen.send_replace(self.of.store.position());
        self.try_reload().await;
        self.known().of_user.values().flatten().for_each(|task| task.mark(|it| it.all = true));
    }

    fn appended(&self, entry: &Arc<Entry>) {
        let mut known = self.known();
        if known.of_user.is_empty() {
            return;
        }
        let room = &entry.room_id;
        let target = entry.state_key.as_deref().filter(|_| &*entry.event_type == "m.room.member");
        if let Some(tasks) = target.and_then(|target| known.of_user.get(target)).cloned() {
            let in_room = known.in_room.entry(Arc::clone(room)).or_default();
            in_room.retain(|task| tasks.iter().all(|own| !Arc::ptr_eq(own, task)));
            match membership_in(&entry.json) {
                MembershipState::Join => in_room.extend(tasks),
                // A newcomer is not told of others' words, only of this.
                MembershipState::Invite => tasks.iter().for_each(|task| {
                    task.mark(|it| {
                        it.rooms.insert(Arc::clone(room));
                    });
                }),
                _ => {}
            }
        }
        for task in known.in_room.get(room).into_iter().flatten().filter(|task| *task.user_id.as_str() != *entry.sender)
        {
            task.mark(|it| {
                it.rooms.insert(Arc::clone(room));
            });
        }
    }

    async fn try_reload(self: &Arc<Self>) {
        if let Err(error) = self.reload().await {
            tracing::error!(error = &error as &dyn std::error::Error, "pushers were changed and cannot be read");
        }
    }

    /// Tasks for the pushers that there are now. What is as it was is left alone.
    async fn reload(self: &Arc<Self>) -> Result<(), StoreError> {
        let mut rows: HashMap<Arc<str>, Vec<PusherRow>> = HashMap::new();
        for row in self.of.store.all_pushers().await? {
            rows.entry(row.user_id.as_str().into()).or_default().push(row);
        }
        let users: BTreeSet<Arc<str>> = rows.keys().chain(self.known().of_user.keys()).cloned().collect();
        for user_id in users {
            let old = self.known().of_user.get(&user_id).cloned().unwrap_or_default();
            let (mut tasks, mut new) = (Vec::new(), Vec::new());
            for row in rows.get(&user_id).into_iter().flatten() {
                match old.iter().find(|task| task.is_of(row)) {
                    Some(task) => tasks.push(Arc::clone(task)),
                    None => new.extend(Task::of(row).map(|task| (task, row.position))),
                }
            }
            if new.is_empty() && tasks.len() == old.len() {
                continue;
            }
            tasks.extend(new.iter().map(|(task, _)| Arc::clone(task)));
            let rooms = self.of.store.user_rooms(&user_id).await?;
            let mut known = self.known();
            known.in_room.values_mut().for_each(|known| known.retain(|task| *task.user_id.as_str() != *user_id));
            for room in rooms.iter().filter(|room| &*room.membership == "join") {
                known.in_room.entry(Arc::clone(&room.room_id)).or_default().extend(tasks.iter().cloned());
            }
            let is_gone = |task: &&Arc<Task>| !tasks.iter().any(|kept| Arc::ptr_eq(kept, task));
            old.iter().filter(is_gone).for_each(|task| task.mark(|it| it.ended = true));
            match tasks.is_empty() {
                true => known.of_user.remove(&user_id),
                false => known.of_user.insert(user_id, tasks),
            };
            for (task, position) in new {
                tokio::spawn(pushing::run(Arc::clone(self), task, position));
            }
        }
        Ok(())
    }
}

impl Task {
    /// None: nothing is sent for it.
    fn of(row: &PusherRow) -> Option<Arc<Self>> {
        let user_id = OwnedUserId::try_from(row.user_id.as_str()).ok()?;
        let pusher = serde_json::from_str(&row.pusher).ok().and_then(|pusher| Pusher::parse(&pusher).ok())??;
        let waiting = Mutex::new(Waiting { all: true, ..Waiting::default() });
        Some(Arc::new(Self { user_id, pusher, text: row.pusher.clone(), waiting, wake: Notify::new() }))
    }

    fn is_of(&self, row: &PusherRow) -> bool {
        self.pusher.app_id == row.app_id && self.pusher.pushkey == row.pushkey && self.text == row.pusher
    }
}
