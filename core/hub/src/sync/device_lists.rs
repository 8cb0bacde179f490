//! Whose devices a client must look at anew (client-server API, "Extensions to /sync" of end-to-end encryption).

use std::collections::BTreeSet;

use causeway_store::{Position, UserRoom};
use ruma::api::client::sync::sync_events::DeviceLists;
use ruma::{OwnedRoomId, OwnedUserId, UserId};

use super::{Inner, Sync, SyncToken};
use crate::rooms::SendError;

/// How the user stands to somebody.
#[derive(Default)]
struct Candidates {
    /// devices changed, or came into an encrypted room
    changed: BTreeSet<String>,
    /// went from an encrypted room, or the user did
    gone: BTreeSet<String>,
}

impl Sync {
    /// What the responses between two tokens said of device lists, for `/keys/changes`.
    pub async fn device_lists(
        &self,
        user_id: &UserId,
        from: SyncToken,
        to: SyncToken,
    ) -> Result<DeviceLists, SendError> {
        let rooms = self.inner.store.user_rooms(user_id.as_str()).await?;
        self.inner.device_lists(user_id, &rooms, from.position, to.position).await
    }
}

impl Inner {
    /// Between two positions.
    pub(super) async fn device_lists(
        &self,
        user_id: &UserId,
        rooms: &[UserRoom],
        since: Position,
        to: Position,
    ) -> Result<DeviceLists, SendError> {
        let own = user_id.as_str();
        let mut candidates = Candidates::default();
        candidates.changed.extend(self.store.device_lists_changed(since, to).await?);
        for room in rooms {
            self.room_candidates(room, own, since, &mut candidates).await?;
        }
        let mut lists = DeviceLists::new();
        if candidates.changed.is_empty() && candidates.gone.is_empty() {
            return Ok(lists);
        }
        // None of somebody who was never in a room.
        let own_nid = self.store.user_nid(own).await?;
        for user in candidates.changed.union(&candidates.gone) {
            let Ok(user_id) = OwnedUserId::try_from(user.as_str()) else { continue };
            let shares = user == own
                || match (own_nid, self.store.user_nid(user).await?) {
                    (Some(own), Some(nid)) => self.store.share_room(own, nid).await?,
                    _ => false,
                };
            match shares {
                true if candidates.changed.contains(user) => lists.changed.push(user_id),
                false if candidates.gone.contains(user) => lists.left.push(user_id),
                _ => {}
            }
        }
        Ok(lists)
    }

    async fn room_candidates(
        &self,
        room: &UserRoom,
        own: &str,
        since: Position,
        candidates: &mut Candidates,
    ) -> Result<(), SendError> {
        let is_joined = &*room.membership == "join";
        let own_changed = room.position > since;
        if !own_changed && (!is_joined || room.last_position <= since) {
            return Ok(());
        }
        let Ok(room_id) = OwnedRoomId::try_from(&*room.room_id) else { return Ok(()) };
        let Some(snapshot) = self.rooms.find(&room_id).await? else { return Ok(()) };
        if snapshot.state().get("m.room.encryption", "").is_none() {
            return Ok(());
        }
        match (own_changed, is_joined) {
            (true, true) => candidates.changed.extend(snapshot.joined_members().map(str::to_owned)),
            (true, false) if matches!(&*room.membership, "leave" | "ban") => {
                candidates.gone.extend(snapshot.joined_members().map(str::to_owned));
            }
            (false, true) => {
                for (user, membership) in self.store.members_changed(room.room, since).await? {
                    match membership.as_str() {
                        "join" if user != own => candidates.changed.insert(user),
                        "leave" | "ban" => candidates.gone.insert(user),
                        _ => false,
                    };
                }
            }
            _ => {}
        }
        Ok(())
    }
}
