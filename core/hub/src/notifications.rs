//! Unread counts: events after the user's receipts, judged by the user's push rules when a client asks. What was judged
//! is remembered, so each event is judged once per user who syncs; ghosts, who don't, cost nothing.

mod past;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_store::{Entry, EntryKind, Place, ReceiptRow, RoomNid, Store, StoredEvent};
use ruma::events::room::power_levels::RoomPowerLevelsEventContent;
use ruma::push::{Action, PushConditionPowerLevelsCtx, PushConditionRoomCtx, Ruleset};
use ruma::room_version_rules::RoomPowerLevelsRules;
use ruma::{OwnedRoomId, UInt, UserId};
use serde::Deserialize;

use crate::push::{Effect, Push, actions, evaluate};
use crate::rooms::{RoomSnapshot, SendError};

pub use past::{Past, PastNotification, PastRequest};

/// Unread events are counted back to this many; the counts of a room with more are those of the newest.
const COUNTED: usize = 1_000;
/// Users whose judgements are remembered before all are forgotten.
const USERS: usize = 5_000;

/// Counts of one room or one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    pub notifications: u32,
    pub highlights: u32,
}

/// Counts of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnreadCounts {
    /// outside of threads
    pub main: Unread,
    /// by the thread's root; those with something unread
    pub threads: BTreeMap<String, Unread>,
}

impl UnreadCounts {
    /// Threads included.
    pub fn total(&self) -> Unread {
        self.threads.values().fold(self.main, |sum, thread| Unread {
            notifications: sum.notifications + thread.notifications,
            highlights: sum.highlights + thread.highlights,
        })
    }
}

#[derive(Clone)]
pub struct Notifications {
    store: Store,
    push: Push,
    users: Arc<Mutex<HashMap<Box<str>, Judged>>>,
}

/// What is remembered of one user.
#[derive(Default)]
struct Judged {
    rules: Option<Arc<Ruleset>>,
    rooms: HashMap<RoomNid, Events>,
}

/// Events that notify, up to a place.
#[derive(Clone)]
struct Events {
    from: Place,
    upto: Place,
    /// (place, thread's root or empty, effect)
    events: Vec<(Place, Box<str>, Effect)>,
}

impl Notifications {
    pub fn new(store: Store, push: Push) -> Self {
        Self { store, push, users: Arc::default() }
    }

    /// The user's rules have changed, or may have.
    pub(crate) fn forget(&self, user_id: &str) {
        self.users().remove(user_id);
    }

    /// Of a room that the user is in.
    pub async fn unread(&self, user_id: &UserId, room: &RoomSnapshot) -> Result<UnreadCounts, SendError> {
        let nid = room.facts().nid;
        let receipts = self.store.receipts_of_user(nid, user_id.as_str()).await?;
        let from = match read_up_to(&receipts, "") {
            Some(place) => place,
            None => self.joined_at(user_id, room).await?,
        };
        let events = self.judged(user_id, room, from).await?;
        let mut counts = UnreadCounts::default();
        for (place, thread, effect) in &events.events {
            if *place <= from || is_read(&receipts, *place, thread) {
                continue;
            }
            let unread = match thread.is_empty() {
                true => &mut counts.main,
                false => counts.threads.entry(thread.to_string()).or_default(),
            };
            unread.notifications += u32::from(effect.notify);
            unread.highlights += u32::from(effect.highlight);
        }
        Ok(counts)
    }

    /// What the user's rules do about an event of a room that the user is in.
    pub(crate) async fn actions(
        &self,
        user_id: &UserId,
        room: &RoomSnapshot,
        entry: &Entry,
    ) -> Result<Vec<Action>, SendError> {
        let (rules, context) = (self.rules(user_id).await?, self.context(user_id, room).await?);
        Ok(actions(&rules, &entry.json, &context).await)
    }

    async fn joined_at(&self, user_id: &UserId, room: &RoomSnapshot) -> Result<Place, SendError> {
        let Some(member) = room.state().get("m.room.member", user_id.as_str()) else { return Ok(room.place()) };
        Ok(self.store.entries(&[member.nid]).await?.first().map_or(room.place(), |entry| entry.place))
    }

    async fn judged(&self, user_id: &UserId, room: &RoomSnapshot, from: Place) -> Result<Events, SendError> {
        let nid = room.facts().nid;
        let known = self.users().get(user_id.as_str()).and_then(|user| user.rooms.get(&nid).cloned());
        let mut known =
            known.filter(|known| known.from <= from).unwrap_or(Events { from, upto: from, events: Vec::new() });
        if known.upto >= room.place() {
            return Ok(known);
        }
        let after = Place(known.upto.0 + 1);
        let new = self.store.timeline_backward(nid, Place(room.place().0 + 1), after, COUNTED).await?;
        if !new.is_empty() {
            let rules = self.rules(user_id).await?;
            let context = self.context(user_id, room).await?;
            let counts = |event: &&StoredEvent| event.redacted_by.is_none() && is_new(&event.entry);
            for event in new.iter().rev().filter(counts) {
                let effect = evaluate(&rules, &event.entry.json, &context).await;
                if effect.notify || effect.highlight {
                    known.events.push((event.entry.place, thread_of(&event.entry), effect));
                }
            }
        }
        known.upto = room.place();
        known.events.retain(|(place, ..)| *place > from);
        known.from = from;
        let mut users = self.users();
        if users.len() >= USERS {
            users.clear();
        }
        users.entry(user_id.as_str().into()).or_default().rooms.insert(nid, known.clone());
        Ok(known)
    }

    async fn rules(&self, user_id: &UserId) -> Result<Arc<Ruleset>, SendError> {
        if let Some(rules) = self.users().get(user_id.as_str()).and_then(|user| user.rules.clone()) {
            return Ok(rules);
        }
        let rules = Arc::new(self.push.rules(user_id).await?);
        self.users().entry(user_id.as_str().into()).or_default().rules = Some(Arc::clone(&rules));
        Ok(rules)
    }

    async fn context(&self, user_id: &UserId, room: &RoomSnapshot) -> Result<PushConditionRoomCtx, SendError> {
        #[derive(Deserialize)]
        struct Member {
            displayname: Option<String>,
        }
        let counts = self.store.member_counts(room.facts().nid).await?;
        let name = room.content::<Member>("m.room.member", user_id.as_str()).and_then(|member| member.displayname);
        let room_id = OwnedRoomId::try_from(room.room_id()).expect("ids in the store were checked");
        let count = UInt::try_from(counts.joined).unwrap_or_default();
        let context = PushConditionRoomCtx::new(room_id, count, user_id.to_owned(), name.unwrap_or_default());
        let Some(levels) = room.content::<RoomPowerLevelsEventContent>("m.room.power_levels", "") else {
            return Ok(context);
        };
        let creators = room.power_levels().map(|levels| levels.creators().clone()).unwrap_or_default();
        let rules = RoomPowerLevelsRules::new(&room.rules().authorization, creators);
        let levels = PushConditionPowerLevelsCtx::new(levels.users, levels.users_default, levels.notifications, rules);
        Ok(context.with_power_levels(levels))
    }

    fn users(&self) -> MutexGuard<'_, HashMap<Box<str>, Judged>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it came as something new, and not from a batch.
fn is_new(entry: &Entry) -> bool {
    entry.kind == EntryKind::Live && !entry.quiet
}

/// Whether a receipt of the user covers an event of a thread; empty: of none.
fn is_read(receipts: &[ReceiptRow], place: Place, thread: &str) -> bool {
    let own = if thread.is_empty() { "main" } else { thread };
    ["", own].into_iter().filter_map(|thread| read_up_to(receipts, thread)).any(|mark| place <= mark)
}

/// The newest event that a user's receipts of a thread name, public or private.
fn read_up_to(receipts: &[ReceiptRow], thread: &str) -> Option<Place> {
    receipts.iter().filter(|receipt| receipt.thread == thread).map(|receipt| receipt.place).max()
}

/// The root of the thread that an event belongs to; empty: none.
fn thread_of(entry: &Entry) -> Box<str> {
    #[derive(Deserialize)]
    struct Stored {
        content: Content,
    }
    #[derive(Deserialize)]
    struct Content {
        #[serde(rename = "m.relates_to")]
        relates_to: Option<RelatesTo>,
    }
    #[derive(Deserialize)]
    struct RelatesTo {
        rel_type: Option<String>,
        event_id: Option<Box<str>>,
    }
    let relation = serde_json::from_str::<Stored>(&entry.json).ok().and_then(|stored| stored.content.relates_to);
    let relation = relation.filter(|relation| relation.rel_type.as_deref() == Some("m.thread"));
    relation.and_then(|relation| relation.event_id).unwrap_or_default()
}
