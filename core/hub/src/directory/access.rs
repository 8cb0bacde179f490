//! Who may learn of a room before being in it (client-server API, "Room summary" and "Spaces").

use ruma::events::room::history_visibility::HistoryVisibility;
use ruma::events::room::member::MembershipState;
use ruma::room::JoinRuleKind;
use ruma::{OwnedRoomId, UserId};
use serde::Deserialize;

use super::Directory;
use crate::rooms::{RoomSnapshot, SendError};

impl Directory {
    /// Whether somebody (none: who is not logged in) may see what the room is: who is in it or may get in, and everybody
    /// where the history is for the world.
    pub(super) async fn may_see(&self, room: &RoomSnapshot, user: Option<&UserId>) -> Result<bool, SendError> {
        let open =
            matches!(room.join_rule(), JoinRuleKind::Public | JoinRuleKind::Knock | JoinRuleKind::KnockRestricted);
        if open || room.history_visibility() == HistoryVisibility::WorldReadable {
            return Ok(true);
        }
        let Some(user) = user else { return Ok(false) };
        if matches!(room.membership(user), MembershipState::Join | MembershipState::Invite) {
            return Ok(true);
        }
        for allowed in allowed_rooms(room) {
            if self.rooms.is_joined(&allowed, user).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Rooms whose members may join this one; none where it is not restricted.
pub(super) fn allowed_rooms(room: &RoomSnapshot) -> Vec<OwnedRoomId> {
    #[derive(Deserialize)]
    struct Content {
        #[serde(default)]
        allow: Vec<Allow>,
    }
    #[derive(Deserialize)]
    struct Allow {
        #[serde(rename = "type")]
        kind: String,
        room_id: Option<OwnedRoomId>,
    }
    if !matches!(room.join_rule(), JoinRuleKind::Restricted | JoinRuleKind::KnockRestricted) {
        return Vec::new();
    }
    let rule: Option<Content> = room.content("m.room.join_rules", "");
    let allow = rule.into_iter().flat_map(|rule| rule.allow);
    allow.filter(|allow| allow.kind == "m.room_membership").filter_map(|allow| allow.room_id).collect()
}
