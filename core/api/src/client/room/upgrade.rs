use axum::extract::State;
use causeway_hub::rooms::{Rooms, Upgrade};
use ruma::api::client::room::upgrade_room::v3::{Request, Response};

use super::not_in;
use crate::{Answer, ApiError, Ruma};

/// `POST /_matrix/client/v3/rooms/{roomId}/upgrade` (client-server API, "Room upgrades")
pub async fn upgrade(
    State(rooms): State<Rooms>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    requester.may_act()?;
    let upgrade = Upgrade {
        room_id: &request.room_id,
        version: request.new_version,
        additional_creators: request.additional_creators,
    };
    let replacement = rooms.upgrade(&requester.user_id, upgrade).await.map_err(not_in)?;
    Ok(Answer(Response::new(replacement)))
}
