//! The end of a room: from one commit on there is none under its id.

use causeway_store::{BURIAL, Commit, CommitError, Position, bury_room};
use ruma::RoomId;

use super::Rooms;
use super::requests::SendError;

impl Rooms {
    /// Answers whether it is done: not while one of this server is in it, is invited or knocks, nor while a destination still
    /// has to take something of it. `since`: who was put out after this position is told so.
    pub(crate) async fn bury(&self, room_id: &RoomId, since: Position) -> Result<bool, SendError> {
        let slot = self.inner.slots.get(room_id.as_str());
        // Held until it is on disk: nobody builds on a room that may be gone.
        let mut head = slot.lock().await;
        let room = self.head(room_id, &slot, &mut head).await?;
        if room.local_members(self.server_name()).next().is_some() {
            return Ok(false);
        }
        match self.inner.store.commit(Commit::of(bury_room(room.facts(), room.head, since))).await {
            Ok(_) => {
                *head = None;
                slot.forget();
                Ok(true)
            }
            Err(CommitError::Lost(BURIAL)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
