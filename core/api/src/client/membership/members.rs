use axum::extract::State;
use causeway_hub::rooms::{Rooms, membership_of};
use causeway_hub::timelines::{Form, Timelines, client_state};
use ruma::api::client::membership::get_member_events::v3::{Request, Response};
use ruma::events::TimelineEventType;
use ruma::serde::Raw;

use crate::client::room::{not_in, token};
use crate::{Answer, ApiError, Ruma};

/// `GET /_matrix/client/v3/rooms/{roomId}/members` (client-server API, "Getting events for a room")
pub async fn members(
    State(rooms): State<Rooms>,
    State(timelines): State<Timelines>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let at = token(request.at.as_deref())?;
    let room = rooms.snapshot(&request.room_id).await.map_err(not_in)?;
    let mut state = timelines.known_state(&room, &requester.user_id).await?;
    if let Some(at) = at
        && room.is_joined(&requester.user_id)
    {
        state = timelines.state_at(&room, at).await?;
    }
    let mut chunk = Vec::new();
    for pdu in state.iter().filter(|pdu| *pdu.event_type() == TimelineEventType::RoomMember) {
        let membership = membership_of(pdu);
        let wanted = request.membership.as_ref().is_none_or(|wanted| *wanted == membership)
            && request.not_membership.as_ref().is_none_or(|unwanted| *unwanted != membership);
        if wanted {
            chunk.push(Raw::from_json(client_state(pdu, &room, Form::Whole)?));
        }
    }
    Ok(Answer(Response::new(chunk)))
}
