use axum::extract::State;
use causeway_hub::timelines::Timelines;
use ruma::api::client::room::get_room_event::v3::{Request, Response};
use ruma::serde::Raw;

use super::viewer;
use crate::{Answer, ApiError, Ruma};

/// `GET /_matrix/client/v3/rooms/{roomId}/event/{eventId}` (client-server API, "Getting events for a room")
pub async fn event(
    State(timelines): State<Timelines>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let event = timelines.event(&request.room_id, viewer(&requester), &request.event_id).await?;
    Ok(Answer(Response::new(Raw::from_json(event))))
}
