//! One event into a room.

use causeway_room::Draft;
use ruma::events::TimelineEventType;
use ruma::{MilliSecondsSinceUnixEpoch, OwnedEventId, UInt};

use super::Rooms;
use super::building::Building;
use super::requests::{NewEvent, SendError, Sent};

impl Rooms {
    /// Builds, authorizes, commits. Returns when the event is on disk. A repeated `transaction` answers the first
    /// event's id, and a state event that changes nothing the one that it repeats.
    pub async fn send(&self, event: NewEvent) -> Result<Sent, SendError> {
        let check = |building: &Building| match unchanged(building, &event) {
            Some(known) => Err(SendError::Unchanged(known)),
            None => Ok(None),
        };
        match self.append(&event, check).await {
            Ok(sent) => Ok(sent),
            Err(error) => self.repeated(&event, error).await,
        }
    }

    pub(super) fn draft(&self, event: &NewEvent) -> Draft {
        let given = event.timestamp.and_then(|millis| UInt::try_from(millis).ok()).map(MilliSecondsSinceUnixEpoch);
        Draft {
            room_id: Some(event.room_id.clone()),
            sender: event.sender.clone(),
            event_type: TimelineEventType::from(event.event_type.as_str()),
            state_key: event.state_key.clone(),
            content: event.content.clone(),
            redacts: event.redacts.clone(),
            origin_server_ts: given.unwrap_or_else(|| self.inner.now()),
        }
    }

    /// What a request that was carried out before answers.
    pub(super) async fn repeated(&self, event: &NewEvent, error: SendError) -> Result<Sent, SendError> {
        let event_id = match (error, &event.transaction) {
            (SendError::Unchanged(event_id), _) => event_id,
            (SendError::Lost(label), Some(key)) if label == causeway_store::CLIENT_TRANSACTION => {
                let store = &self.inner.store;
                let room = self.snapshot(&event.room_id).await?.facts().nid;
                let sender = store.intern_user(event.sender.as_str()).await?;
                let known = store
                    .client_transaction(sender, &key.device, room, &key.txn_id)
                    .await?
                    .and_then(|known| OwnedEventId::try_from(known).ok());
                known.ok_or(SendError::Lost(label))?
            }
            (error, _) => return Err(error),
        };
        Ok(Sent { event_id, position: self.inner.store.position() })
    }
}

/// The event of the state that this one would only repeat.
pub(super) fn unchanged(building: &Building, event: &NewEvent) -> Option<OwnedEventId> {
    let current = building.room().state().get(&event.event_type, event.state_key.as_deref()?)?;
    if *current.pdu.sender() != event.sender {
        return None;
    }
    let before: serde_json::Value = serde_json::from_str(current.pdu.content().get()).ok()?;
    let after: serde_json::Value = serde_json::from_str(event.content.get()).ok()?;
    (before == after).then(|| current.pdu.event_id().clone())
}
