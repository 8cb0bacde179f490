use axum::extract::State;
use causeway_hub::rooms::Rooms;
use causeway_hub::timelines::{Form, Timelines, client_state};
use ruma::api::client::state::get_state_event_for_key::v3::{Request, Response, StateEventFormat};

use crate::{Answer, ApiError, Ruma};

/// `GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}` (client-server API, "Getting events for a
/// room"); with `format=event` the whole event
pub async fn get_state_event(
    State(rooms): State<Rooms>,
    State(timelines): State<Timelines>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let room = rooms.snapshot(&request.room_id).await.map_err(super::not_in)?;
    let state = timelines.known_state(&room, &requester.user_id).await?;
    let event_type = request.event_type.to_string();
    let pdu = state
        .get(&event_type, &request.state_key)
        .ok_or_else(|| ApiError::not_found(format!("the room has no state {event_type} {:?}", request.state_key)))?;
    let answer = match request.format {
        StateEventFormat::Event => client_state(pdu, &room, Form::Whole)?,
        _ => pdu.content().to_owned(),
    };
    Ok(Answer(Response::new(answer)))
}
