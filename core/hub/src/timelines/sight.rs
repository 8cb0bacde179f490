//! What of a stretch of timeline a user may see (client-server API, "Room history visibility"), and what the user was at
//! each event.

use causeway_store::{Entry, EventNid, Place};
use ruma::UserId;
use ruma::events::room::history_visibility::HistoryVisibility;
use ruma::events::room::member::MembershipState;
use serde::Deserialize;

use super::Timelines;
use crate::rooms::{RoomSnapshot, SendError};

/// The room's visibility and the user's membership over a stretch, each with the place from which on it holds.
#[derive(Clone, Debug)]
pub struct Sight {
    visibility: Vec<(Place, HistoryVisibility)>,
    membership: Vec<(Place, MembershipState)>,
}

impl Sight {
    /// Of somebody who was in the room all the time.
    pub fn joined() -> Self {
        Self { visibility: Vec::new(), membership: vec![(Place(i64::MIN), MembershipState::Join)] }
    }

    pub fn sees(&self, entry: &Entry) -> bool {
        let own =
            &*entry.event_type == "m.room.member" && self.membership.iter().any(|(place, _)| *place == entry.place);
        own || self.sees_between(entry.place)
    }

    fn sees_between(&self, place: Place) -> bool {
        let membership = self.membership_at(place);
        // At a change of the visibility the laxer of both holds.
        let before = at(&self.visibility, Place(place.0 - 1));
        let visibilities =
            [before, at(&self.visibility, place)].map(|known| known.unwrap_or(&HistoryVisibility::Shared));
        membership == MembershipState::Join
            || visibilities.into_iter().any(|visibility| match visibility {
                HistoryVisibility::WorldReadable => true,
                HistoryVisibility::Shared => self.joins_after(place),
                HistoryVisibility::Invited => membership == MembershipState::Invite,
                _ => false,
            })
    }

    /// What the user was at a place, the event there included.
    pub fn membership_at(&self, place: Place) -> MembershipState {
        at(&self.membership, place).cloned().unwrap_or(MembershipState::Leave)
    }

    /// Whether the user was that at any time.
    pub fn ever(&self, membership: &MembershipState) -> bool {
        self.membership.iter().any(|(_, known)| known == membership)
    }

    /// Whether the user joins at a later place.
    pub fn joins_after(&self, place: Place) -> bool {
        self.membership.iter().any(|(since, membership)| *since > place && *membership == MembershipState::Join)
    }
}

fn at<T>(changes: &[(Place, T)], place: Place) -> Option<&T> {
    changes.iter().rev().find(|(since, _)| *since <= place).map(|(_, value)| value)
}

impl Timelines {
    /// Over everything from a place on.
    pub async fn sight(&self, room: &RoomSnapshot, user: &UserId, from: Place) -> Result<Sight, SendError> {
        #[derive(Deserialize)]
        struct Content {
            membership: Option<MembershipState>,
            history_visibility: Option<HistoryVisibility>,
        }
        let nid = |event_type: &str, key: &str| room.state().get(event_type, key).map(|event| event.nid);
        let membership = self.changes(nid("m.room.member", user.as_str()), from, |content: Content| content.membership);
        let membership = membership.await?;
        let visibility = nid("m.room.history_visibility", "");
        let visibility = self.changes(visibility, from, |content: Content| content.history_visibility).await?;
        Ok(Sight { visibility, membership })
    }

    async fn changes<C: serde::de::DeserializeOwned, T>(
        &self,
        newest: Option<EventNid>,
        from: Place,
        value: impl Fn(C) -> Option<T>,
    ) -> Result<Vec<(Place, T)>, SendError> {
        #[derive(Deserialize)]
        struct Stored<C> {
            content: C,
        }
        let Some(newest) = newest else { return Ok(Vec::new()) };
        let chain = self.store.state_chain(newest, from).await?;
        let read = |entry: &Entry| {
            serde_json::from_str::<Stored<C>>(&entry.json).ok().and_then(|stored| value(stored.content))
        };
        Ok(chain.iter().filter_map(|entry| Some((entry.place, read(entry)?))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use HistoryVisibility::{Invited, Joined, Shared, WorldReadable};
    use MembershipState::{Invite, Join, Leave};

    fn sight(visibility: &[(i64, HistoryVisibility)], membership: &[(i64, MembershipState)]) -> Sight {
        Sight {
            visibility: visibility.iter().map(|(place, value)| (Place(*place), value.clone())).collect(),
            membership: membership.iter().map(|(place, value)| (Place(*place), value.clone())).collect(),
        }
    }

    #[test]
    fn what_is_seen_follows_the_rules_of_the_specification() {
        let invited_then_joined = [(10, Invite), (20, Join), (30, Leave)];
        for (name, visibility, place, expected) in [
            ("shared before the join", Shared, 5, true),
            ("shared after leaving", Shared, 35, false),
            ("invited before the invite", Invited, 5, false),
            ("invited after the invite", Invited, 15, true),
            ("joined while invited", Joined, 15, false),
            ("joined while in", Joined, 25, true),
            ("joined after leaving", Joined, 35, false),
            ("world readable after leaving", WorldReadable, 35, true),
        ] {
            let sight = sight(&[(1, visibility)], &invited_then_joined);
            assert_eq!(sight.sees_between(Place(place)), expected, "{name}");
        }
    }

    #[test]
    fn room_without_visibility_is_shared_and_strangers_see_nothing() {
        assert!(sight(&[], &[(9, Join)]).sees_between(Place(1)));
        assert!(!sight(&[], &[]).sees_between(Place(1)));
    }
}
