//! Rooms that an admin has shut: who is in may leave, and nobody of this server comes in or is asked in.

use causeway_store::{Commit, CommitError, StoreError, block_room, unblock_room};
use ruma::RoomId;
use ruma::events::room::member::MembershipState;

use super::Rooms;
use super::requests::{NewEvent, SendError};

impl Rooms {
    /// Who blocked a room, which need not be known here: an admin's user id, `""` for the local admin.
    pub async fn blocked_by(&self, room_id: &RoomId) -> Result<Option<String>, StoreError> {
        self.inner.store.room_blocker(room_id.as_str()).await
    }

    /// `by`: who blocks it; none opens it again.
    pub async fn set_blocked(&self, room_id: &RoomId, by: Option<&str>) -> Result<(), CommitError> {
        if by.is_some() && self.blocked_by(room_id).await?.is_some() {
            return Ok(());
        }
        let statement = match by {
            Some(user_id) => block_room(room_id.as_str(), user_id),
            None => unblock_room(room_id.as_str()),
        };
        self.inner.store.commit(Commit::of(vec![statement])).await?;
        self.inner.store.remember_blocked(room_id.as_str(), by).await?;
        Ok(())
    }

    /// Refuses whoever comes in or is asked in where the room is blocked.
    pub(super) async fn refuse_if_blocked(&self, event: &NewEvent) -> Result<(), SendError> {
        if event.event_type != "m.room.member" || self.blocked_by(&event.room_id).await?.is_none() {
            return Ok(());
        }
        match causeway_room::membership::of(&event.content) {
            Ok(MembershipState::Leave | MembershipState::Ban) => Ok(()),
            _ => Err(blocked()),
        }
    }
}

/// Synapse's words, which programs may know.
pub(super) fn blocked() -> SendError {
    SendError::Forbidden("This room has been blocked on this server".to_owned())
}
