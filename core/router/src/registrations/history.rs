//! What was committed before an appservice was known here.

use causeway_store::{DestinationNid, Position, RoomFacts, Stretch};
use ruma::UserId;

use super::{RegistrationError, Registrations};
use crate::destination::DestinationId;
use crate::router::QueueError;

/// Rooms of one read.
const PAGE: usize = 500;

impl Registrations {
    /// Makes an appservice interested in what was committed from a position on in the rooms that concern it now, whoever
    /// was interested then; a replay delivers it. Can be repeated, as after a crash in the middle.
    pub async fn reach_back(&self, id: &DestinationId, from: Option<Position>) -> Result<(), RegistrationError> {
        let registered = self.list().into_iter().find(|registered| registered.queue_id() == *id);
        let destination = registered.as_ref().and_then(|registered| registered.destination);
        let (Some(registered), Some(destination)) = (registered, destination) else {
            return Err(QueueError::Unknown(id.clone()).into());
        };
        let after = Position(from.map_or(0, |from| from.0.saturating_sub(1)).max(0));
        let stretch = Stretch { after, until: self.inner.store.position() };
        let mut last = String::new();
        loop {
            let rooms = self.inner.store.rooms_after(&last, PAGE).await.map_err(QueueError::from)?;
            let Some(room) = rooms.last() else { return Ok(()) };
            last = room.facts.room_id.to_string();
            for room in rooms.iter().map(|room| &room.facts) {
                if self.concerns(destination, room).await? {
                    let widened = self.inner.store.widen_interest(room.nid, destination, stretch).await;
                    widened.map_err(QueueError::from)?;
                }
            }
            tracing::debug!(registration = registered.registration.id, room_id = last, "history reached back");
        }
    }

    /// Whether a room's id, an alias or somebody in it is the appservice's.
    async fn concerns(&self, destination: DestinationNid, room: &RoomFacts) -> Result<bool, QueueError> {
        let loaded = self.loaded();
        let is_its = |destinations: &[DestinationNid]| destinations.contains(&destination);
        if is_its(&loaded.destinations(|registration| registration.namespaces.rooms.matches(&room.room_id))) {
            return Ok(true);
        }
        let store = &self.inner.store;
        for alias in store.aliases_of_room(&room.room_id).await? {
            if is_its(&loaded.destinations(|registration| registration.namespaces.aliases.matches(&alias.alias))) {
                return Ok(true);
            }
        }
        let members = store.members_changed(room.nid, Position(0)).await?;
        let present = members.iter().filter(|(_, membership)| ["join", "invite"].contains(&membership.as_str()));
        let mut users = present.filter_map(|(user_id, _)| <&UserId>::try_from(user_id.as_str()).ok());
        Ok(users.any(|user_id| is_its(&loaded.of_user(user_id))))
    }
}
