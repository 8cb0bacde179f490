//! Presence in /sync: of users with whom one shares a room.

use std::time::Duration;

use causeway_store::StoreError;
use ruma::UserId;
use ruma::presence::PresenceState;
use ruma::serde::Raw;

use super::{Inner, SyncRequest};
use crate::receipts::ephemeral;
use crate::time::now_ms;

/// A client that polls is seen, but its contacts are not told so each time.
const REFRESH: Duration = Duration::from_secs(60);

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
        let changed = self.presences.changed_after(mark);
        if changed.is_empty() {
            return Ok(Vec::new());
        }
        let Some(own) = self.store.user_nid(user_id.as_str()).await? else { return Ok(Vec::new()) };
        let mut events = Vec::new();
        for (_, other) in changed.into_iter().filter(|(_, other)| other != user_id) {
            let Some(presence) = self.presences.get(&other) else { continue };
            let Some(nid) = self.store.user_nid(other.as_str()).await? else { continue };
            if self.store.share_room(own, nid).await? {
                events.push(Raw::from_json(ephemeral(&presence.event(&other))));
            }
        }
        Ok(events)
    }
}
