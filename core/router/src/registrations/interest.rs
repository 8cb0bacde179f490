//! What appservices are interested in: rooms with one of their users, aliases or ids.

use causeway_store::DestinationNid;
use ruma::{RoomAliasId, RoomId, UserId};

use super::Registrations;
use crate::interest::{EventFacts, Interested};

impl Interested for Registrations {
    fn of_user(&self, user_id: &UserId) -> Vec<DestinationNid> {
        self.loaded().of_user(user_id).to_vec()
    }

    fn of_alias(&self, alias: &RoomAliasId) -> Vec<DestinationNid> {
        self.loaded().destinations(|registration| registration.namespaces.aliases.matches(alias.as_str()))
    }

    fn of_room(&self, room_id: &RoomId) -> Vec<DestinationNid> {
        self.loaded().destinations(|registration| registration.namespaces.rooms.matches(room_id.as_str()))
    }

    /// The users that the event itself names: its sender, and whose membership it is.
    fn of_event(&self, facts: &EventFacts<'_>) -> Vec<DestinationNid> {
        let loaded = self.loaded();
        let mut destinations = loaded.of_user(facts.sender).to_vec();
        if facts.event_type == "m.room.member"
            && let Some(Ok(member)) = facts.state_key.map(<&UserId>::try_from)
        {
            destinations.extend(loaded.of_user(member).iter());
            destinations.sort_unstable();
            destinations.dedup();
        }
        destinations
    }

    fn generation(&self) -> u64 {
        Self::generation(self)
    }
}
