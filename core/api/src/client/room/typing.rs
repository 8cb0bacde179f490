use axum::extract::State;
use causeway_hub::rooms::Rooms;
use causeway_hub::typing::Typing;
use ruma::api::client::typing::create_typing_event::v3::{Request, Response, Typing as Asked};

use super::read_markers::must_be_joined;
use crate::{Answer, ApiError, Ruma};

/// `PUT /_matrix/client/v3/rooms/{roomId}/typing/{userId}` (client-server API, "Typing Notifications")
pub async fn set(
    State(rooms): State<Rooms>,
    State(typing): State<Typing>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    requester.must_be(&request.user_id)?;
    must_be_joined(&rooms, &request.room_id, &requester).await?;
    let timeout = match request.state {
        Asked::Yes(info) => Some(info.timeout),
        Asked::No => None,
    };
    typing.set(&request.room_id, &requester.user_id, timeout);
    Ok(Answer(Response::new()))
}
