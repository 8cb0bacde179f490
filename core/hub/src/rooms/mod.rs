//! Rooms: the path of an event from a request to the log, and what can be read back.

mod requests;

pub use requests::*;

use ruma::{EventId, OwnedRoomId, RoomId, UserId};

/// All rooms of this server. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {}

impl Rooms {
    /// Builds, authorises, commits. Returns when the event is on disk. A repeated `transaction` answers the first event's id.
    pub async fn send(&self, event: NewEvent) -> Result<Sent, SendError> {
        let _ = event;
        todo!()
    }

    /// All of the room's first events in one commit.
    pub async fn create(&self, creator: &UserId, room: CreateRoom) -> Result<OwnedRoomId, SendError> {
        let _ = (creator, room);
        todo!()
    }

    /// Membership by the endpoints (`join`, `invite`, …); a join fills in display name and avatar.
    pub async fn change_membership(&self, membership: Membership) -> Result<Sent, SendError> {
        let _ = membership;
        todo!()
    }

    /// Redacts `target` and answers the redaction.
    pub async fn redact(&self, event: NewEvent, target: &EventId) -> Result<Sent, SendError> {
        let _ = (event, target);
        todo!()
    }

    /// The current state of one (type, state key): the stored PDU.
    pub async fn state_event(
        &self,
        room_id: &RoomId,
        event_type: &str,
        state_key: &str,
    ) -> Result<Option<std::sync::Arc<causeway_store::Entry>>, SendError> {
        let _ = (room_id, event_type, state_key);
        todo!()
    }
}
