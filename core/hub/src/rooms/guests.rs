//! Guests leave a room that is not open to them any more (client-server API, "Guest Access").

use ruma::events::room::guest_access::GuestAccess;
use ruma::{OwnedUserId, RoomId};
use serde::Deserialize;
use serde_json::Map;

use super::{Membership, MembershipChange, RoomSnapshot, Rooms, SendError};

impl RoomSnapshot {
    pub fn lets_guests_in(&self) -> bool {
        #[derive(Deserialize)]
        struct Content {
            guest_access: GuestAccess,
        }
        let content = self.content::<Content>("m.room.guest_access", "");
        content.is_some_and(|content| content.guest_access == GuestAccess::CanJoin)
    }
}

impl Rooms {
    /// To be called when the room's guest access has changed; does nothing where guests may be in it.
    pub async fn show_guests_out(&self, room_id: &RoomId) -> Result<(), SendError> {
        let room = self.snapshot(room_id).await?;
        if room.lets_guests_in() {
            return Ok(());
        }
        for guest in self.inner.store.guests_in(room.facts().nid).await? {
            let Ok(guest) = OwnedUserId::try_from(guest) else { continue };
            let leave = Membership {
                room_id: room_id.to_owned(),
                sender: guest.clone(),
                target: guest,
                change: MembershipChange::Leave,
                reason: None,
                extra: Map::new(),
                timestamp: None,
            };
            self.change_membership(leave).await?;
        }
        Ok(())
    }
}
