//! One pusher's work: what is new for its user, judged by the user's rules, goes to its gateway, in order, until it is
//! taken.

use std::sync::Arc;
use std::time::Duration;

use causeway_store::{Commit, Entry, EntryKind, Notice, Place, Position, UserRoom, delete_pusher, set_pusher_position};
use ruma::RoomId;
use ruma::push::Action;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::gateway::Pushed;
use super::pushers::{Shared, Task};
use crate::account_data::ignored_users;
use crate::rooms::{RoomSnapshot, SendError};

/// Events of a room that are looked at in one turn; older ones are not pushed any more.
const LOOKED_AT: usize = 100;
/// Before the second try; doubles with each further one.
const BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(3600);
/// A notification that its gateway has not taken for so long is given up, as in Synapse.
const GIVE_UP: Duration = Duration::from_secs(24 * 3600);
/// Positions after which the cursor is written although nothing was pushed.
const STRIDE: i64 = 10_000;

/// Until the pusher is deleted.
pub(super) async fn run(shared: Arc<Shared>, task: Arc<Task>, position: Position) {
    let mut pushing = Pushing { shared, task, cursor: position, written: position, badge: None };
    loop {
        match pushing.turn().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, user_id = %pushing.task.user_id, "cannot push");
                pushing.task.waiting().all = true;
                sleep(BACK_OFF).await;
            }
        }
    }
}

struct Pushing {
    shared: Arc<Shared>,
    task: Arc<Task>,
    cursor: Position,
    /// the cursor on disk
    written: Position,
    /// the unread count that the gateway knows
    badge: Option<usize>,
}

/// An event that the user is to be notified of.
struct Notified {
    entry: Arc<Entry>,
    room: Arc<RoomSnapshot>,
    actions: Vec<Action>,
}

impl Pushing {
    /// Waits for something and pushes it. False: the pusher is gone.
    async fn turn(&mut self) -> Result<bool, SendError> {
        let shared = Arc::clone(&self.shared);
        // What is marked from here on is newer than this.
        let to = *shared.seen.borrow();
        let waiting = std::mem::take(&mut *self.task.waiting());
        if waiting.ended {
            return Ok(false);
        }
        if waiting.rooms.is_empty() && !waiting.all && !waiting.read {
            self.task.wake.notified().await;
            return Ok(true);
        }
        let rooms = shared.of.store.user_rooms(self.task.user_id.as_str()).await?;
        let concerned = |room: &&UserRoom| waiting.all || waiting.rooms.contains(&room.room_id);
        let mut events = Vec::new();
        for room in rooms.iter().filter(concerned).filter(|room| room.last_position > self.cursor) {
            if self.collect(room, to, &mut events).await? {
                self.task.waiting().rooms.insert(Arc::clone(&room.room_id));
            }
        }
        events.sort_by_key(|notified| notified.entry.position);
        let pushed = !events.is_empty();
        for notified in events {
            let (at, notification) = (notified.entry.position, self.notification(&notified, &rooms).await?);
            if !self.push(notification).await? {
                return Ok(false);
            }
            self.advance(at, true).await?;
        }
        self.advance(to, pushed).await?;
        if waiting.read {
            let unread = self.unread(&rooms).await?;
            if self.badge != Some(unread) {
                self.badge = Some(unread);
                let device = self.task.pusher.device(Map::new());
                return self.push(json!({ "counts": { "unread": unread }, "devices": [device] })).await;
            }
        }
        Ok(true)
    }

    /// What of a room is new for the user, up to a position. True: there is more behind it.
    async fn collect(&self, room: &UserRoom, to: Position, events: &mut Vec<Notified>) -> Result<bool, SendError> {
        let of = &self.shared.of;
        let Ok(room_id) = <&RoomId>::try_from(&*room.room_id) else { return Ok(false) };
        let (mut more, mut before, mut new) = (false, Place(i64::MAX), Vec::new());
        'log: while new.len() < LOOKED_AT {
            let page = of.store.timeline_backward(room.room, before, Place(i64::MIN), 20).await?;
            let is_last = page.len() < 20;
            for event in page {
                before = event.entry.place;
                if event.entry.kind != EntryKind::Live {
                    continue;
                }
                if event.entry.position <= self.cursor {
                    break 'log;
                }
                more |= event.entry.position > to;
                if event.entry.position <= to && !event.entry.quiet && event.redacted_by.is_none() {
                    new.push(event.entry);
                }
            }
            if is_last {
                break;
            }
        }
        let user_id = &self.task.user_id;
        match &*room.membership {
            "join" => {}
            "invite" => new.retain(|entry| entry.nid == room.event),
            _ => new.clear(),
        }
        new.retain(|entry| *entry.sender != *user_id.as_str());
        if new.is_empty() {
            return Ok(more);
        }
        let Some(snapshot) = of.rooms.find(room_id).await? else { return Ok(more) };
        let ignored = ignored_users(&of.store, user_id.as_str()).await?;
        for entry in new.into_iter().filter(|entry| !ignored.contains(&*entry.sender)) {
            let actions = of.notifications.actions(user_id, &snapshot, &entry).await?;
            if actions.iter().any(Action::should_notify) {
                events.push(Notified { entry, room: Arc::clone(&snapshot), actions });
            }
        }
        Ok(more)
    }

    /// Unread counts of all rooms, invites included.
    async fn unread(&self, rooms: &[UserRoom]) -> Result<usize, SendError> {
        let of = &self.shared.of;
        let mut unread = 0;
        for room in rooms {
            match &*room.membership {
                "invite" => unread += 1,
                "join" => {
                    let Ok(room_id) = <&RoomId>::try_from(&*room.room_id) else { continue };
                    let Some(snapshot) = of.rooms.find(room_id).await? else { continue };
                    let total = of.notifications.unread(&self.task.user_id, &snapshot).await?.total().notifications;
                    unread += if of.count_rooms { usize::from(total > 0) } else { total as usize };
                }
                _ => {}
            }
        }
        Ok(unread)
    }

    /// Push gateway API, `POST /_matrix/push/v1/notify`
    async fn notification(&mut self, notified: &Notified, rooms: &[UserRoom]) -> Result<Value, SendError> {
        let Notified { entry, room, actions } = notified;
        let unread = self.unread(rooms).await?;
        self.badge = Some(unread);
        let (mut sound, mut tweaks) = (false, Map::new());
        for action in actions {
            if let Action::SetTweak(tweak) = action
                && let Ok(Value::Object(tweak)) = serde_json::to_value(tweak)
                && let Some(name) = tweak.get("set_tweak").and_then(Value::as_str)
            {
                let value = tweak.get("value").cloned().unwrap_or(Value::Bool(true));
                sound |= name == "sound" || (name == "highlight" && value != false);
                tweaks.insert(name.to_owned(), value);
            }
        }
        let pusher = &self.task.pusher;
        let mut notification = json!({
            "event_id": &*entry.event_id, "room_id": &*entry.room_id,
            "counts": { "unread": unread }, "devices": [pusher.device(tweaks)],
            "prio": if sound || &*entry.event_type == "m.room.encrypted" { "high" } else { "low" },
        });
        if pusher.event_id_only {
            return Ok(notification);
        }
        notification["type"] = (*entry.event_type).into();
        notification["sender"] = (*entry.sender).into();
        if entry.state_key.as_deref() == Some(self.task.user_id.as_str()) {
            notification["user_is_target"] = true.into();
        }
        if self.shared.of.include_content
            && let Ok(stored) = serde_json::from_str::<Map<String, Value>>(&entry.json)
            && let Some(content) = stored.get("content")
        {
            notification["content"] = content.clone();
        }
        let alias = text_of(room, "m.room.canonical_alias", "", "alias");
        let sender = text_of(room, "m.room.member", &entry.sender, "displayname");
        let name = text_of(room, "m.room.name", "", "name").or_else(|| alias.clone()).or_else(|| self.other(room));
        for (key, text) in [("room_alias", alias), ("sender_display_name", sender), ("room_name", name)] {
            if let Some(text) = text {
                notification[key] = text.into();
            }
        }
        Ok(notification)
    }

    /// The other of two people, whose name a chat has that has none of its own.
    fn other(&self, room: &RoomSnapshot) -> Option<String> {
        let mut others = room.joined_members().filter(|member| *member != self.task.user_id.as_str());
        let other = others.next().filter(|_| others.next().is_none())?;
        text_of(room, "m.room.member", other, "displayname")
    }

    /// Tries until it is taken, or given up. False: the pusher is gone.
    async fn push(&mut self, notification: Value) -> Result<bool, SendError> {
        let (begun, mut wait) = (Instant::now(), BACK_OFF);
        loop {
            if self.task.waiting().ended {
                return Ok(false);
            }
            let outcome = self.shared.of.gateways.notify(&self.task.pusher, notification.clone()).await;
            let label = match &outcome {
                Pushed::Taken => "taken",
                Pushed::Rejected => "rejected",
                Pushed::Failed(_) => "failed",
            };
            metrics::counter!("causeway_pushes_total", "outcome" => label).increment(1);
            match outcome {
                Pushed::Taken => return Ok(true),
                Pushed::Rejected => {
                    let (user_id, pusher) = (self.task.user_id.as_str(), &self.task.pusher);
                    tracing::info!(user_id, app_id = pusher.app_id, "the push gateway knows the device no more");
                    let delete = delete_pusher(user_id, &pusher.app_id, &pusher.pushkey);
                    self.shared.of.store.commit(Commit::of(vec![delete]).notify(Notice::Pushers)).await?;
                    return Ok(false);
                }
                Pushed::Failed(reason) => {
                    let user_id = self.task.user_id.as_str();
                    tracing::warn!(user_id, app_id = self.task.pusher.app_id, reason, "a notification was not taken");
                    if begun.elapsed() >= GIVE_UP {
                        return Ok(true);
                    }
                    sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_BACK_OFF);
                }
            }
        }
    }

    async fn advance(&mut self, to: Position, pushed: bool) -> Result<(), SendError> {
        self.cursor = self.cursor.max(to);
        if pushed && self.cursor > self.written || self.cursor.0 - self.written.0 >= STRIDE {
            let pusher = &self.task.pusher;
            let (user_id, cursor) = (self.task.user_id.as_str(), self.cursor);
            let statement = set_pusher_position(user_id, &pusher.app_id, &pusher.pushkey, cursor);
            self.shared.of.store.commit(Commit::of(vec![statement])).await?;
            self.written = cursor;
        }
        Ok(())
    }
}

fn text_of(room: &RoomSnapshot, event_type: &str, state_key: &str, key: &str) -> Option<String> {
    let content: Map<String, Value> = room.content(event_type, state_key)?;
    content.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}
