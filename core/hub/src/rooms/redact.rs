//! Redactions: the event, and what is left of its target, in one commit.

use causeway_room::Pdu;
use ruma::{EventId, OwnedEventId, UserId};

use super::Rooms;
use super::building::Building;
use super::requests::{NewEvent, SendError, Sent};
use super::snapshot::RoomSnapshot;

impl Rooms {
    /// Redacts `target` and answers the redaction. Who sent the target may redact it, and whoever has the level for it.
    pub async fn redact(&self, mut event: NewEvent, target: &EventId) -> Result<Sent, SendError> {
        event.redacts = Some(target.to_owned());
        let entry = self.inner.store.entry(target.as_str()).await?;
        let Some(entry) = entry.filter(|entry| *entry.room_id == *event.room_id.as_str()) else {
            return Err(SendError::UnknownEvent(target.to_owned()));
        };
        let check = |building: &Building| {
            let room = building.room();
            may_redact(room, &event.sender, &entry.sender)?;
            Ok(Some((entry.nid, redacted(&entry.json, target.to_owned(), room.rules())?)))
        };
        match self.append(&event, check).await {
            Ok(sent) => Ok(sent),
            Err(error) => self.repeated(&event, error).await,
        }
    }
}

/// Whether `sender` may redact an event of `author`.
pub(super) fn may_redact(room: &RoomSnapshot, sender: &UserId, author: &str) -> Result<(), SendError> {
    match author == sender.as_str() || room.power_levels().is_some_and(|levels| levels.can_redact(sender)) {
        true => Ok(()),
        false => Err(SendError::Forbidden(format!("{sender} may not redact events of others in this room"))),
    }
}

pub(super) fn redacted(
    json: &str,
    event_id: OwnedEventId,
    rules: &causeway_room::RoomVersionRules,
) -> Result<Pdu, SendError> {
    let text = causeway_room::redact::redact(json, rules).map_err(|error| SendError::BadContent(error.to_string()))?;
    Pdu::load(event_id, text, rules).map_err(|error| SendError::BadContent(error.to_string()))
}
