//! A user's rooms.

use causeway_store::{Commit, StoreError, forget_room};
use ruma::events::room::member::MembershipState;
use ruma::{OwnedRoomId, RoomId, UserId};

use super::Rooms;
use super::requests::SendError;

impl Rooms {
    pub async fn joined_rooms(&self, user: &UserId) -> Result<Vec<OwnedRoomId>, StoreError> {
        let rooms = self.inner.store.user_rooms(user.as_str()).await?;
        let joined = rooms.iter().filter(|room| &*room.membership == "join");
        Ok(joined.filter_map(|room| OwnedRoomId::try_from(&*room.room_id).ok()).collect())
    }

    /// The user wants to hear nothing more of a room that it is not in. Answers whether it was not.
    pub async fn forget(&self, room_id: &RoomId, user: &UserId) -> Result<bool, SendError> {
        let Some(room) = self.find(room_id).await? else {
            // It was deleted, and they may still have it.
            let mut rooms = self.inner.store.user_rooms(user.as_str()).await?.into_iter();
            let left = rooms.find(|room| *room.room_id == *room_id.as_str());
            let left = left.ok_or_else(|| SendError::UnknownRoom(room_id.to_owned()))?;
            let forget = forget_room(user.as_str(), left.room, left.event);
            self.inner.store.commit(Commit::of(vec![forget])).await?;
            return Ok(true);
        };
        if !matches!(room.membership(user), MembershipState::Leave | MembershipState::Ban) {
            return Ok(false);
        }
        if let Some(event) = room.state().get("m.room.member", user.as_str()) {
            let forget = forget_room(user.as_str(), room.facts().nid, event.nid);
            self.inner.store.commit(Commit::of(vec![forget])).await?;
        }
        Ok(true)
    }
}
