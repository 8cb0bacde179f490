//! Presence in /sync: of users with whom one shares a room.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use causeway_store::StoreError;
use ruma::presence::PresenceState;
use ruma::serde::Raw;
use ruma::{OwnedUserId, UserId};
use serde_json::json;

use super::{Inner, SyncRequest};
use crate::presence::Presence;
use crate::receipts::ephemeral;
use crate::time::now_ms;

/// A client that polls is seen, but its contacts are not told so each time.
const REFRESH: Duration = Duration::from_secs(60);

/// When each user's presence changed last.
#[derive(Default)]
pub(super) struct PresenceMarks(Mutex<HashMap<OwnedUserId, u64>>);

impl PresenceMarks {
    pub fn changed(&self, user_id: &UserId, serial: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(user_id.to_owned(), serial);
    }

    fn after(&self, mark: u64) -> Vec<OwnedUserId> {
        let marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        marks.iter().filter(|(_, serial)| **serial > mark).map(|(user_id, _)| user_id.clone()).collect()
    }
}

impl Inner {
    /// The request itself is a sign of life.
    pub(super) fn seen(&self, request: &SyncRequest) {
        if request.set_presence == PresenceState::Offline {
            return;
        }
        let known = self.presences.get(&request.user_id);
        let fresh = known.as_ref().is_some_and(|known| {
            known.state == request.set_presence && now_ms() - known.last_active < REFRESH.as_millis() as i64
        });
        if !fresh {
            self.presences.set(
                &request.user_id,
                request.set_presence.clone(),
                known.and_then(|known| known.status_msg),
            );
        }
    }

    /// Of others, changed after a mark.
    pub(super) async fn presence_events<T>(&self, user_id: &UserId, mark: u64) -> Result<Vec<Raw<T>>, StoreError> {
        let changed = self.presence_marks.after(mark);
        if changed.is_empty() {
            return Ok(Vec::new());
        }
        let Some(own) = self.store.user_nid(user_id.as_str()).await? else { return Ok(Vec::new()) };
        let mut events = Vec::new();
        for other in changed.into_iter().filter(|other| other != user_id) {
            let Some(presence) = self.presences.get(&other) else { continue };
            let Some(nid) = self.store.user_nid(other.as_str()).await? else { continue };
            if self.store.share_room(own, nid).await? {
                events.push(Raw::from_json(ephemeral(&event(&other, &presence))));
            }
        }
        Ok(events)
    }
}

/// As clients and appservices get it.
pub(crate) fn event(user_id: &UserId, presence: &Presence) -> serde_json::Value {
    let mut content = json!({
        "presence": presence.state,
        "last_active_ago": (now_ms() - presence.last_active).max(0),
        "currently_active": presence.state == PresenceState::Online,
    });
    if let Some(status) = &presence.status_msg {
        content["status_msg"] = status.as_str().into();
    }
    json!({ "type": "m.presence", "sender": user_id, "content": content })
}
