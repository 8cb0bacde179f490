//! What a room is, in few words: `GET …/room_summary/…`, and each room of a space.

use ruma::room::JoinRuleKind;
use ruma::{RoomId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Directory;
use super::access::allowed_rooms;
use crate::rooms::{RoomSnapshot, SendError};

impl Directory {
    /// The summary with the user's own membership, of a room that they may see.
    ///
    /// # Errors
    /// [`SendError::UnknownRoom`], also where it is there and not for them to know.
    pub async fn summary(&self, room_id: &RoomId, user: Option<&UserId>) -> Result<Value, SendError> {
        let room = self.rooms.snapshot(room_id).await?;
        if !self.may_see(&room, user).await? {
            return Err(SendError::UnknownRoom(room_id.to_owned()));
        }
        let mut summary = self.summarize(room_id, &room).await?;
        if let Some(user) = user {
            summary["membership"] = room.membership(user).as_str().into();
        }
        Ok(summary)
    }

    pub(super) async fn summarize(&self, room_id: &RoomId, room: &RoomSnapshot) -> Result<Value, SendError> {
        #[derive(Deserialize)]
        struct Encryption {
            algorithm: String,
        }
        let chunk = self.chunk(room_id.to_owned(), room).await?;
        let mut summary = json!({
            "room_id": room_id,
            "num_joined_members": chunk.num_joined_members,
            "world_readable": chunk.world_readable,
            "guest_can_join": chunk.guest_can_join,
            "join_rule": chunk.join_rule,
            "room_version": room.version(),
        });
        let optional = [
            ("name", chunk.name.map(Value::from)),
            ("topic", chunk.topic.map(Value::from)),
            ("avatar_url", chunk.avatar_url.map(|url| url.as_str().into())),
            ("canonical_alias", chunk.canonical_alias.map(|alias| alias.as_str().into())),
            ("room_type", chunk.room_type.map(|kind| kind.as_str().into())),
            ("encryption", room.content("m.room.encryption", "").map(|content: Encryption| content.algorithm.into())),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                summary[key] = value;
            }
        }
        if matches!(chunk.join_rule, JoinRuleKind::Restricted | JoinRuleKind::KnockRestricted) {
            summary["allowed_room_ids"] = json!(allowed_rooms(room));
        }
        Ok(summary)
    }
}
