use axum::extract::State;
use causeway_hub::rooms::{MembershipChange, Rooms};
use ruma::api::client::membership::leave_room::v3::{Request, Response};

use super::change;
use crate::{Answer, ApiError, Ruma};

/// `POST /_matrix/client/v3/rooms/{roomId}/leave` (client-server API, "Leaving rooms")
pub async fn leave(
    State(rooms): State<Rooms>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let target = None;
    rooms
        .change_membership(change(&requester, request.room_id, target, MembershipChange::Leave, request.reason))
        .await?;
    Ok(Answer(Response::new()))
}
