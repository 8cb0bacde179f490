use axum::extract::State;
use causeway_hub::rooms::Rooms;
use causeway_hub::timelines::Timelines;
use ruma::api::client::context::get_context::v3::{Request, Response};
use ruma::serde::Raw;

use super::{limit, not_in, viewer};
use crate::{Answer, ApiError, Ruma};

/// `GET /_matrix/client/v3/rooms/{roomId}/context/{eventId}` (client-server API, "Event context")
pub async fn context(
    State(rooms): State<Rooms>,
    State(timelines): State<Timelines>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let room = rooms.snapshot(&request.room_id).await.map_err(not_in)?;
    let viewer = viewer(&requester);
    let context = timelines.context(&room, viewer, &request.event_id, limit(request.limit), &request.filter).await?;
    let mut response = Response::new();
    response.start = Some(context.start.to_string());
    response.end = Some(context.end.to_string());
    response.event = Some(Raw::from_json(context.event));
    response.events_before = context.before.into_iter().map(Raw::from_json).collect();
    response.events_after = context.after.into_iter().map(Raw::from_json).collect();
    response.state = context.state.into_iter().map(Raw::from_json).collect();
    Ok(Answer(response))
}
