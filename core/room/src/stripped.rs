//! What of a room is shown to somebody who is not in it: invitees and those who knock
//! ([specification](https://spec.matrix.org/v1.16/client-server-api/#stripped-state)).

use ruma::events::StateEventType;
use serde::{Serialize, ser::SerializeStruct};

use crate::Pdu;

/// The state events (under the empty state key) that stripped state holds where the room has them; beside them goes
/// the member event that is the invite or knock itself, and for an invite the inviter's.
pub const STRIPPED_STATE_TYPES: [StateEventType; 8] = [
    StateEventType::RoomCreate,
    StateEventType::RoomJoinRules,
    StateEventType::RoomCanonicalAlias,
    StateEventType::RoomName,
    StateEventType::RoomAvatar,
    StateEventType::RoomTopic,
    StateEventType::RoomEncryption,
    StateEventType::RoomHistoryVisibility,
];

/// Serializes a state event as stripped state: its content, sender, state key and type.
#[derive(Debug, Clone, Copy)]
pub struct Stripped<'a>(pub &'a Pdu);

impl Serialize for Stripped<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_struct("Stripped", 4)?;
        event.serialize_field("content", self.0.content())?;
        event.serialize_field("sender", self.0.sender())?;
        event.serialize_field("state_key", self.0.state_key().unwrap_or_default())?;
        event.serialize_field("type", self.0.event_type())?;
        event.end()
    }
}
