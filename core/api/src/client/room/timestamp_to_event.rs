use axum::extract::State;
use causeway_hub::rooms::Rooms;
use causeway_hub::timelines::Timelines;
use ruma::api::Direction;
use ruma::api::client::room::get_event_by_timestamp::v1::{Request, Response};
use ruma::{EventId, MilliSecondsSinceUnixEpoch, UInt};

use super::{not_in, viewer};
use crate::{Answer, ApiError, Ruma};

/// `GET /_matrix/client/v1/rooms/{roomId}/timestamp_to_event` (client-server API, "Getting events for a room")
pub async fn find(
    State(rooms): State<Rooms>,
    State(timelines): State<Timelines>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let room = rooms.snapshot(&request.room_id).await.map_err(not_in)?;
    timelines.must_have_been_in(&room, &requester.user_id).await?;
    let forward = request.dir == Direction::Forward;
    let none = || ApiError::not_found("there is no event that way");
    let entry = timelines.nearest(&room, i64::from(request.ts.0), forward).await?.ok_or_else(none)?;
    let event_id = EventId::parse(&*entry.event_id).map_err(ApiError::internal)?;
    timelines.visible(&room, viewer(&requester), &event_id).await?;
    let ts = MilliSecondsSinceUnixEpoch(UInt::try_from(entry.origin_server_ts).map_err(ApiError::internal)?);
    Ok(Answer(Response::new(event_id, ts)))
}
