//! A room that the user has left, or was made to leave: up to that moment.

use causeway_store::UserRoom;
use ruma::OwnedRoomId;
use ruma::api::client::sync::sync_events::v3::{LeftRoom, State, StateEvents};
use ruma::serde::Raw;

use super::build::Shared;
use super::joined::{Past, timeline_limit};
use super::window::Stretch;
use super::{Inner, SyncRequest};
use crate::rooms::SendError;
use crate::timelines::{Form, client_state};

impl Inner {
    pub(super) async fn left(
        &self,
        request: &SyncRequest,
        user_room: &UserRoom,
        room_id: &OwnedRoomId,
        shared: &mut Shared,
    ) -> Result<LeftRoom, SendError> {
        // Of a room that was deleted since, there is nothing to tell but that they are out of it.
        let Some(room) = self.rooms.find(room_id).await? else { return Ok(LeftRoom::new()) };
        let (sight, past) = self.sight_since(request, user_room, &room).await?;
        let after = request.since.map(|since| since.position).filter(|_| past != Past::Unheard);
        let stretch = Stretch {
            after,
            to: user_room.position,
            limit: timeline_limit(request),
            filter: &request.filter.room.timeline,
            ignored: &shared.ignored,
        };
        let window = self.window(&room, &sight, stretch).await?;
        let mut left = LeftRoom::new();
        left.timeline = self.timeline(request, &room, &sight, &window).await?;
        // Whoever was outside all the time, as with an invite that was declined, is not told of the room's state.
        if past != Past::Outside {
            let known_state = after.filter(|_| !request.full_state);
            let end = self.store.state_after(user_room.event).await?;
            left.state =
                self.state_section(request, &room, &window, known_state, end, &[], &mut shared.members).await?;
        } else if request.use_state_after
            && let Some(own) = room.state().get("m.room.member", request.user_id.as_str())
        {
            // From the timeline alone such a client would not learn what became of the invite.
            let mut events = StateEvents::new();
            events.events.push(Raw::from_json(client_state(&own.pdu, &room, Form::InRoom)?));
            left.state = State::After(events);
        }
        let account_data = shared.account_data(request, room_id.as_str());
        left.account_data.events = account_data.into_iter().map(Raw::from_json).collect();
        Ok(left)
    }
}
