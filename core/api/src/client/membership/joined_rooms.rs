use axum::extract::State;
use causeway_hub::rooms::Rooms;
use ruma::api::client::membership::joined_rooms::v3::{Request, Response};

use crate::{Answer, ApiError, Ruma};

/// `GET /_matrix/client/v3/joined_rooms` (client-server API, "Room membership")
pub async fn joined_rooms(
    State(rooms): State<Rooms>,
    Ruma { requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    Ok(Answer(Response::new(rooms.joined_rooms(&requester.user_id).await?)))
}
