//! Redactions: the event, and what is left of its target, in one commit.

use causeway_room::Pdu;
use causeway_store::{Entry, Place};
use ruma::{EventId, OwnedEventId, RoomId, UserId};
use serde::Deserialize;

use super::Rooms;
use super::building::Building;
use super::requests::{NewEvent, SendError, Sent};
use super::snapshot::RoomSnapshot;

/// Events read at once.
const PAGE: usize = 200;
/// What is not redacted when all that somebody sent is.
const KEPT: [&str; 2] = ["m.room.redaction", "m.room.create"];

impl Rooms {
    /// What a user has sent to a room and nobody has redacted, the newest first, for a member to redact; neither
    /// redactions nor the room's creation.
    pub async fn unredacted_of(
        &self,
        room_id: &RoomId,
        viewer: &UserId,
        sender: &UserId,
        limit: usize,
    ) -> Result<Vec<OwnedEventId>, SendError> {
        let room = self.snapshot(room_id).await?;
        if !room.is_joined(viewer) {
            return Err(SendError::Forbidden(format!("{viewer} is not in room {room_id}")));
        }
        let store = &self.inner.store;
        let Some(nid) = store.user_nid(sender.as_str()).await? else { return Ok(Vec::new()) };
        let (mut found, mut before) = (Vec::new(), Place(i64::MAX));
        while found.len() < limit {
            let page = store.unredacted_of(room.facts().nid, before, nid, PAGE).await?;
            let Some(last) = page.last() else { break };
            before = last.place;
            let redactable = page.iter().filter(|entry| !KEPT.contains(&&*entry.event_type));
            found.extend(redactable.filter_map(|entry| OwnedEventId::try_from(&*entry.event_id).ok()));
        }
        found.truncate(limit);
        Ok(found)
    }

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

/// What a redaction redacts, in whichever place its room version has it.
pub(crate) fn redacts(entry: &Entry) -> Option<String> {
    #[derive(Deserialize)]
    struct Redaction {
        redacts: Option<String>,
        content: Content,
    }
    #[derive(Deserialize)]
    struct Content {
        redacts: Option<String>,
    }
    if &*entry.event_type != "m.room.redaction" {
        return None;
    }
    let redaction: Redaction = serde_json::from_str(&entry.json).ok()?;
    redaction.redacts.or(redaction.content.redacts)
}
