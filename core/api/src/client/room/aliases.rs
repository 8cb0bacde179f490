use axum::extract::State;
use causeway_hub::aliases::Aliases;
use causeway_hub::rooms::Rooms;
use ruma::api::client::room::aliases::v3::{Request, Response};
use ruma::events::room::history_visibility::HistoryVisibility;

use super::not_in;
use crate::{Answer, ApiError, Ruma};

/// `GET /_matrix/client/v3/rooms/{roomId}/aliases` (client-server API, "Room aliases")
pub async fn list(
    State(rooms): State<Rooms>,
    State(aliases): State<Aliases>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let room = rooms.snapshot(&request.room_id).await.map_err(not_in)?;
    if !room.is_joined(&requester.user_id) && room.history_visibility() != HistoryVisibility::WorldReadable {
        return Err(ApiError::forbidden(format!("{} is not in the room", requester.user_id)));
    }
    Ok(Answer(Response::new(aliases.of_room(&request.room_id).await?)))
}
