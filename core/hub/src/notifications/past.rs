//! Notifications of the past (client-server API, "Listing Notifications"): none are kept, the log is looked through and
//! judged again when a client asks.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

use causeway_store::{Entry, Place, Position, ReceiptRow, RoomNid, StoredEvent};
use ruma::RoomId;
use ruma::events::room::member::MembershipState;
use ruma::push::{Action, PushConditionRoomCtx};
use serde_json::value::RawValue;

use super::{Notifications, is_read, thread_of};
use crate::account_data::ignored_users;
use crate::push::actions;
use crate::rooms::{RoomSnapshot, SendError};
use crate::timelines::{Form, Sight, Timelines, Viewer};

/// Positions of the log that are looked through for one answer, and events that are judged for it.
const SCANNED: i64 = 50_000;
const JUDGED: usize = 2_000;
const PAGE: usize = 200;

#[derive(Clone, Copy, Debug)]
pub struct PastRequest {
    /// where an earlier answer ended; none: now
    pub before: Option<Position>,
    pub limit: usize,
    pub highlights_only: bool,
}

/// The newest first.
#[derive(Debug)]
pub struct Past {
    pub notifications: Vec<PastNotification>,
    /// where to go on; none: the log ends
    pub next: Option<Position>,
}

#[derive(Debug)]
pub struct PastNotification {
    pub room_id: Arc<str>,
    pub event: Box<RawValue>,
    pub actions: Vec<Action>,
    pub read: bool,
    /// milliseconds since the Unix epoch
    pub ts: i64,
}

/// What an answer needs of a room.
struct Room {
    snapshot: Arc<RoomSnapshot>,
    sight: Sight,
    receipts: Vec<ReceiptRow>,
    context: PushConditionRoomCtx,
}

impl Notifications {
    /// May have fewer than asked for although there are more.
    pub async fn past(
        &self,
        timelines: &Timelines,
        viewer: Viewer<'_>,
        request: PastRequest,
    ) -> Result<Past, SendError> {
        let mut past = Past { notifications: Vec::new(), next: None };
        let Some(user) = self.store.user_nid(viewer.user_id.as_str()).await? else { return Ok(past) };
        let ignored = ignored_users(&self.store, viewer.user_id.as_str()).await?;
        let rules = self.rules(viewer.user_id).await?;
        let mut rooms: HashMap<RoomNid, Option<Room>> = HashMap::new();
        let mut before = request.before.unwrap_or(Position(self.store.position().0 + 1));
        let down_to = Position((before.0 - SCANNED).max(0));
        let mut judged = 0;
        loop {
            let page = self.store.others_before(user, before, down_to, PAGE).await?;
            let is_last = page.len() < PAGE;
            for event in page {
                before = event.entry.position;
                judged += 1;
                let room = match rooms.entry(event.entry.room_nid) {
                    Slot::Occupied(known) => known.into_mut(),
                    Slot::Vacant(free) => free.insert(self.room(timelines, viewer, &event.entry.room_id).await?),
                };
                let Some(room) = room.as_ref().filter(|room| room.tells(viewer, &event.entry)) else { continue };
                if ignored.contains(&*event.entry.sender) {
                    continue;
                }
                let actions = actions(&rules, &event.entry.json, &room.context).await;
                let is_meant =
                    if request.highlights_only { Action::is_highlight } else { Action::should_notify as fn(&_) -> _ };
                if actions.iter().any(is_meant) {
                    past.notifications.push(room.describe(timelines, viewer, event, actions).await?);
                    if past.notifications.len() >= request.limit {
                        past.next = Some(before);
                        return Ok(past);
                    }
                }
            }
            if is_last {
                past.next = (down_to.0 > 0).then_some(down_to);
                return Ok(past);
            }
            if judged >= JUDGED {
                past.next = Some(before);
                return Ok(past);
            }
        }
    }

    /// None: its id is none.
    async fn room(&self, timelines: &Timelines, viewer: Viewer<'_>, room_id: &str) -> Result<Option<Room>, SendError> {
        let Ok(room_id) = <&RoomId>::try_from(room_id) else { return Ok(None) };
        let snapshot = timelines.rooms().snapshot(room_id).await?;
        Ok(Some(Room {
            sight: timelines.sight(&snapshot, viewer.user_id, Place(i64::MIN)).await?,
            receipts: self.store.receipts_of_user(snapshot.facts().nid, viewer.user_id.as_str()).await?,
            context: self.context(viewer.user_id, &snapshot).await?,
            snapshot,
        }))
    }
}

impl Room {
    /// Whether the user was told of an event when it came: as one of the room, or as who is invited by it.
    fn tells(&self, viewer: Viewer<'_>, entry: &Entry) -> bool {
        match self.sight.membership_at(entry.place) {
            MembershipState::Join => true,
            MembershipState::Invite => {
                &*entry.event_type == "m.room.member" && entry.state_key.as_deref() == Some(viewer.user_id.as_str())
            }
            _ => false,
        }
    }

    async fn describe(
        &self,
        timelines: &Timelines,
        viewer: Viewer<'_>,
        event: StoredEvent,
        actions: Vec<Action>,
    ) -> Result<PastNotification, SendError> {
        let (entry, items) = (Arc::clone(&event.entry), [event.into()]);
        let rendered = timelines.render(&self.snapshot, viewer, &self.sight, &items, Form::Whole, false).await?;
        let [event] = <[_; 1]>::try_from(rendered).expect("one event for one");
        Ok(PastNotification {
            room_id: Arc::clone(&entry.room_id),
            event,
            actions,
            read: is_read(&self.receipts, entry.place, &thread_of(&entry)),
            ts: entry.origin_server_ts,
        })
    }
}
