//! Who may see an event: the room's history visibility and the user's membership at the event (client-server API,
//! "Room history visibility").

use causeway_room::State;
use causeway_store::{Entry, StateNid, StoreError};
use ruma::UserId;
use ruma::events::room::history_visibility::HistoryVisibility;
use ruma::events::room::member::MembershipState;

use super::requests::SendError;
use super::{RoomSnapshot, Rooms, load};

impl Rooms {
    /// Whether a user may see an event of this room.
    pub async fn can_see(&self, room: &RoomSnapshot, user: &UserId, entry: &Entry) -> Result<bool, SendError> {
        let now = room.membership(user);
        if entry.state_key.as_deref() == Some(user.as_str()) && &*entry.event_type == "m.room.member" {
            return Ok(true);
        }
        // The common case needs no look at the past: a member of a room that was never more secret than this.
        let always_shared = room.state().get("m.room.history_visibility", "").is_none_or(|event| {
            event.pdu.depth() < 16
                && matches!(room.history_visibility(), HistoryVisibility::Shared | HistoryVisibility::WorldReadable)
        });
        if now == MembershipState::Join && always_shared {
            return Ok(true);
        }
        let then = self.state_at(entry).await?;
        let visibility = then.visibility.unwrap_or(HistoryVisibility::Shared);
        let member = then
            .memberships
            .iter()
            .find(|(id, _)| id == user.as_str())
            .map_or(MembershipState::Leave, |(_, membership)| membership.clone());
        Ok(match visibility {
            HistoryVisibility::WorldReadable => true,
            _ if member == MembershipState::Join => true,
            HistoryVisibility::Shared => now == MembershipState::Join || self.joined_after(user, entry).await?,
            HistoryVisibility::Invited => member == MembershipState::Invite,
            _ => false,
        })
    }

    async fn joined_after(&self, user: &UserId, entry: &Entry) -> Result<bool, SendError> {
        // Somebody who left was joined until then: what is older than their leaving they have seen or could have.
        let room_id = ruma::RoomId::parse(&*entry.room_id).map_err(|_| inconsistent("events.room"))?;
        let room = self.snapshot(&room_id).await?;
        let Some(event) = room.state().get("m.room.member", user.as_str()) else { return Ok(false) };
        let Some(member) = self.inner.store.entries(&[event.nid]).await?.into_iter().next() else { return Ok(false) };
        Ok(room.membership(user) != MembershipState::Invite && member.place > entry.place)
    }

    async fn state_at(&self, entry: &Entry) -> Result<Then, SendError> {
        let nid = self.inner.store.state_after(entry.nid).await?.ok_or_else(|| inconsistent("events.state"))?;
        self.then(nid).await
    }

    async fn then(&self, nid: StateNid) -> Result<Then, SendError> {
        let (_, pairs, _): (State, _, _) = load::state(&self.inner.store, nid).await?;
        let events: Vec<_> = pairs.iter().map(|(_, event)| *event).collect();
        let mut then = Then::default();
        for entry in self.inner.store.entries(&events).await? {
            #[derive(serde::Deserialize)]
            struct Stored {
                content: Content,
            }
            #[derive(serde::Deserialize)]
            struct Content {
                membership: Option<MembershipState>,
                history_visibility: Option<HistoryVisibility>,
            }
            let Ok(stored) = serde_json::from_str::<Stored>(&entry.json) else { continue };
            match (&*entry.event_type, entry.state_key.as_deref()) {
                ("m.room.member", Some(user)) => {
                    then.memberships.extend(stored.content.membership.map(|membership| (user.to_owned(), membership)));
                }
                ("m.room.history_visibility", Some("")) => then.visibility = stored.content.history_visibility,
                _ => {}
            }
        }
        Ok(then)
    }
}

#[derive(Default)]
struct Then {
    visibility: Option<HistoryVisibility>,
    memberships: Vec<(String, MembershipState)>,
}

fn inconsistent(what: &str) -> SendError {
    SendError::Store(StoreError::Inconsistent { what: what.to_owned(), source: None })
}
