use axum::extract::State;
use causeway_hub::rooms::Rooms;
use causeway_hub::timelines::{PageRequest, Timelines};
use ruma::api::Direction;
use ruma::api::client::message::get_message_events::v3::{Request, Response};
use ruma::serde::Raw;

use super::{limit, not_in, token, viewer};
use crate::{Answer, ApiError, Ruma};

/// `GET /_matrix/client/v3/rooms/{roomId}/messages` (client-server API, "Getting events for a room")
pub async fn messages(
    State(rooms): State<Rooms>,
    State(timelines): State<Timelines>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let (from, to) = (token(request.from.as_deref())?, token(request.to.as_deref())?);
    let room = rooms.snapshot(&request.room_id).await.map_err(not_in)?;
    timelines.must_have_been_in(&room, &requester.user_id).await?;
    let place = async |token| match token {
        Some(token) => timelines.place(room.facts().nid, token).await.map(Some),
        None => Ok(None),
    };
    let page = PageRequest {
        from: place(from).await?,
        to: place(to).await?,
        backward: request.dir == Direction::Backward,
        limit: limit(request.filter.limit.unwrap_or(request.limit)),
        filter: &request.filter,
    };
    let page = timelines.page(&room, viewer(&requester), &page).await?;
    let mut response = Response::new();
    // Whoever gave a token gets it back.
    response.start = request.from.filter(|from| !from.is_empty()).unwrap_or_else(|| page.start.to_string());
    response.end = page.end.map(|end| end.to_string());
    response.chunk = page.chunk.into_iter().map(Raw::from_json).collect();
    response.state = page.state.into_iter().map(Raw::from_json).collect();
    Ok(Answer(response))
}
