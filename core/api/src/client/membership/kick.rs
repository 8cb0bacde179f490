use axum::extract::State;
use causeway_hub::rooms::{MembershipChange, Rooms};
use ruma::api::client::membership::kick_user::v3::{Request, Response};

use super::change;
use crate::{Answer, ApiError, Ruma};

/// `POST /_matrix/client/v3/rooms/{roomId}/kick` (client-server API, "Leaving rooms")
pub async fn kick(
    State(rooms): State<Rooms>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    requester.may_act()?;
    let target = Some(request.user_id);
    rooms
        .change_membership(change(&requester, request.room_id, target, MembershipChange::Kick, request.reason))
        .await?;
    Ok(Answer(Response::new()))
}
