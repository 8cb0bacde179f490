use axum::extract::State;
use causeway_hub::rooms::Rooms;
use causeway_hub::timelines::{Form, Timelines, client_state};
use ruma::api::client::state::get_state_events::v3::{Request, Response};
use ruma::serde::Raw;

use crate::{Answer, ApiError, Ruma};

/// `GET /_matrix/client/v3/rooms/{roomId}/state` (client-server API, "Getting events for a room")
pub async fn get_state(
    State(rooms): State<Rooms>,
    State(timelines): State<Timelines>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let room = rooms.snapshot(&request.room_id).await.map_err(super::not_in)?;
    let state = timelines.known_state(&room, &requester.user_id).await?;
    let events = state.iter().map(|pdu| client_state(pdu, &room, Form::Whole).map(Raw::from_json));
    Ok(Answer(Response::new(events.collect::<Result<_, _>>()?)))
}
