use axum::extract::State;
use causeway_hub::rooms::Rooms;
use causeway_hub::timelines::Timelines;
use ruma::api::client::threads::get_threads::v1::{IncludeThreads, Request, Response};
use ruma::serde::Raw;

use super::{limit, not_in, token, viewer};
use crate::{Answer, ApiError, Ruma};

/// `GET /_matrix/client/v1/rooms/{roomId}/threads` (client-server API, "Querying threads in a room")
pub async fn threads(
    State(rooms): State<Rooms>,
    State(timelines): State<Timelines>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let from = token(request.from.as_deref())?;
    let room = rooms.snapshot(&request.room_id).await.map_err(not_in)?;
    timelines.must_have_been_in(&room, &requester.user_id).await?;
    let before = match from {
        Some(from) => Some(timelines.place(room.facts().nid, from).await?),
        None => None,
    };
    let participated = request.include == IncludeThreads::Participated;
    let size = request.limit.map_or(20, limit);
    let threads = timelines.threads(&room, viewer(&requester), before, size, participated).await?;
    let mut response = Response::new(threads.chunk.into_iter().map(Raw::from_json).collect());
    response.next_batch = threads.next.map(|next| next.to_string());
    Ok(Answer(response))
}
