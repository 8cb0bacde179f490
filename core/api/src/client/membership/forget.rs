use axum::extract::State;
use causeway_hub::rooms::Rooms;
use ruma::api::client::membership::forget_room::v3::{Request, Response};

use crate::{Answer, ApiError, Ruma};

/// `POST /_matrix/client/v3/rooms/{roomId}/forget` (client-server API, "Leaving rooms")
pub async fn forget(
    State(rooms): State<Rooms>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    match rooms.forget(&request.room_id, &requester.user_id).await? {
        true => Ok(Answer(Response::new())),
        false => Err(ApiError::bad_request("M_UNKNOWN", "you are in the room; leave it first")),
    }
}
