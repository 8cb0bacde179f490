//! Who is interested in a room's events (design §5.5): the room's own set is kept with its head, and changes only with
//! membership, aliases and registrations.

use std::collections::BTreeSet;

use causeway_room::Pdu;
use causeway_router::EventFacts;
use causeway_store::DestinationNid;
use ruma::events::room::member::MembershipState;
use ruma::{OwnedRoomAliasId, RoomId, UserId};
use serde::Deserialize;

use super::Rooms;
use super::requests::SendError;
use super::snapshot::{Destinations, RoomSnapshot, membership_of};

impl Rooms {
    /// Destinations that want all of a room, by the registrations of now.
    ///
    /// # Errors
    /// [`SendError::UnknownRoom`]
    pub async fn destinations(&self, room_id: &RoomId) -> Result<Vec<DestinationNid>, SendError> {
        let mut room = RoomSnapshot::clone(&*self.snapshot(room_id).await?);
        self.refresh_destinations(&mut room);
        Ok(room.destinations.counts.into_keys().collect())
    }

    /// Raised by every change of what destinations want.
    fn interest_generation(&self) -> u64 {
        self.inner.interested().iter().map(|interested| interested.generation()).sum()
    }

    /// Makes sure that the room's set is of the registrations of now.
    pub(super) fn refresh_destinations(&self, room: &mut RoomSnapshot) {
        let generation = self.interest_generation();
        if room.destinations.generation == generation && room.state.iter().next().is_some() {
            return;
        }
        let mut destinations = Destinations { generation, ..Destinations::default() };
        let Ok(room_id) = <&RoomId>::try_from(room.room_id()) else { return };
        for interested in self.inner.interested().iter() {
            let mut add = |nid: DestinationNid| *destinations.counts.entry(nid).or_default() += 1;
            interested.of_room(room_id).into_iter().for_each(&mut add);
            for alias in aliases(room) {
                interested.of_alias(&alias).into_iter().for_each(&mut add);
            }
            for (user, membership, _) in room.members() {
                if let (true, Ok(user)) = (counts(&membership), <&UserId>::try_from(user)) {
                    interested.of_user(user).into_iter().for_each(&mut add);
                }
            }
        }
        room.destinations = destinations;
    }

    /// Takes a state event into the room's set; `before` is what it replaces.
    pub(super) fn count_destinations(&self, room: &mut RoomSnapshot, before: Option<&Pdu>, after: &Pdu) {
        match after.event_type().to_string().as_str() {
            "m.room.member" => {
                let Some(Ok(user)) = after.state_key().map(<&UserId>::try_from) else { return };
                let was = before.is_some_and(|before| counts(&membership_of(before)));
                let is = counts(&membership_of(after));
                if was == is {
                    return;
                }
                for nid in self.inner.interested().iter().flat_map(|interested| interested.of_user(user)) {
                    let count = room.destinations.counts.entry(nid).or_default();
                    *count = if is { *count + 1 } else { count.saturating_sub(1) };
                }
                room.destinations.counts.retain(|_, count| *count > 0);
            }
            // Rare enough to ask everybody again.
            "m.room.canonical_alias" => {
                room.destinations.generation = u64::MAX;
                self.refresh_destinations(room);
            }
            _ => {}
        }
    }

    /// The room's sets before and after the event, and who wants this event only.
    pub(super) fn interested_in(&self, before: &RoomSnapshot, after: &RoomSnapshot, pdu: &Pdu) -> Vec<DestinationNid> {
        let event_type = pdu.event_type().to_string();
        let facts = EventFacts {
            room_id: pdu.room_id(),
            event_id: pdu.event_id(),
            sender: pdu.sender(),
            event_type: &event_type,
            state_key: pdu.state_key(),
            content: pdu.content().get(),
        };
        let mut all: BTreeSet<DestinationNid> =
            before.destinations.counts.keys().chain(after.destinations.counts.keys()).copied().collect();
        for interested in self.inner.interested().iter() {
            all.extend(interested.of_event(&facts));
        }
        all.into_iter().collect()
    }
}

fn counts(membership: &MembershipState) -> bool {
    matches!(membership, MembershipState::Join | MembershipState::Invite)
}

fn aliases(room: &RoomSnapshot) -> Vec<OwnedRoomAliasId> {
    #[derive(Deserialize)]
    struct Content {
        alias: Option<OwnedRoomAliasId>,
        #[serde(default)]
        alt_aliases: Vec<OwnedRoomAliasId>,
    }
    room.content("m.room.canonical_alias", "")
        .map_or_else(Vec::new, |content: Content| content.alias.into_iter().chain(content.alt_aliases).collect())
}
