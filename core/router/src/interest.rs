//! Who is interested in an event: decided when it is built, stored with it (design §5.5).

use causeway_store::DestinationNid;
use ruma::{EventId, RoomAliasId, RoomId, UserId};

/// The facts of an event that destinations may ask for.
#[derive(Clone, Copy, Debug)]
pub struct EventFacts<'a> {
    pub room_id: &'a RoomId,
    pub event_id: &'a EventId,
    pub sender: &'a UserId,
    pub event_type: &'a str,
    pub state_key: Option<&'a str>,
    /// the text of the event's `content`
    pub content: &'a str,
}

/// Somebody who knows destinations. Answers come from memory: this is on the path of every event.
pub trait Interested: Send + Sync {
    /// Destinations that want all of a room while this user is joined or invited there.
    fn of_user(&self, user_id: &UserId) -> Vec<DestinationNid>;
    /// Destinations that want all of a room while it has this alias.
    fn of_alias(&self, alias: &RoomAliasId) -> Vec<DestinationNid>;
    /// Destinations that want all of this room.
    fn of_room(&self, room_id: &RoomId) -> Vec<DestinationNid>;
    /// Destinations that want this event only.
    fn of_event(&self, facts: &EventFacts<'_>) -> Vec<DestinationNid>;

    /// Raised when answers of [`of_user`](Self::of_user), [`of_alias`](Self::of_alias) or [`of_room`](Self::of_room)
    /// change.
    fn generation(&self) -> u64 {
        0
    }
}
