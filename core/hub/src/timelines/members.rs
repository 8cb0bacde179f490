//! What of a room's state a user may know: that of now while in it, else that of when the user left.

use std::sync::Arc;

use causeway_store::Place;
use ruma::UserId;
use ruma::events::room::history_visibility::HistoryVisibility;
use ruma::events::room::member::MembershipState;

use super::{StateView, Timelines, Token};
use crate::rooms::{RoomSnapshot, SendError};

impl Timelines {
    /// # Errors
    /// [`SendError::Forbidden`] for those who never were in the room, unless everybody may read it.
    pub async fn known_state(&self, room: &Arc<RoomSnapshot>, user: &UserId) -> Result<StateView, SendError> {
        if room.is_joined(user) || room.history_visibility() == HistoryVisibility::WorldReadable {
            return Ok(StateView::now(Arc::clone(room)));
        }
        self.must_have_been_in(room, user).await?;
        match room.state().get("m.room.member", user.as_str()) {
            Some(event) => self.state_view(room, self.store.state_after(event.nid).await?).await,
            None => Ok(StateView::empty()),
        }
    }

    /// The state that a pagination or sync token stands for.
    pub async fn state_at(&self, room: &Arc<RoomSnapshot>, at: Token) -> Result<StateView, SendError> {
        let nid = room.facts().nid;
        let place = self.place(nid, at).await?;
        self.state_view(room, self.store.state_before(nid, place).await?).await
    }

    /// # Errors
    /// [`SendError::Forbidden`]
    pub async fn must_have_been_in(&self, room: &RoomSnapshot, user: &UserId) -> Result<(), SendError> {
        if room.is_joined(user) || room.history_visibility() == HistoryVisibility::WorldReadable {
            return Ok(());
        }
        match self.sight(room, user, Place(i64::MIN)).await?.ever(&MembershipState::Join) {
            true => Ok(()),
            false => Err(SendError::Forbidden(format!("{user} is not in room {}", room.room_id()))),
        }
    }
}
