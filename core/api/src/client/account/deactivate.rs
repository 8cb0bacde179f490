use axum::extract::State;
use causeway_hub::rooms::{Membership, MembershipChange};
use ruma::api::client::account::ThirdPartyIdRemovalStatus;
use ruma::api::client::account::deactivate::v3::{Request, Response};

use crate::client::interactive;
use crate::{Answer, Api, ApiError, Ruma};

/// `POST /_matrix/client/v3/account/deactivate` (client-server API, "Account deactivation"). The user leaves all rooms.
pub async fn deactivate(
    State(api): State<Api>,
    Ruma { request, requester, body }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let requester = requester.ok_or_else(ApiError::missing_token)?;
    interactive::confirm(&api, &requester, &body).await?;
    let user_id = &requester.user_id;
    for room_id in api.rooms.joined_rooms(user_id).await? {
        let leave = Membership {
            room_id: room_id.clone(),
            sender: user_id.clone(),
            target: user_id.clone(),
            change: MembershipChange::Leave,
            reason: None,
            extra: serde_json::Map::new(),
            timestamp: None,
        };
        if let Err(error) = api.rooms.change_membership(leave).await {
            tracing::warn!(%user_id, %room_id, %error, "a deactivated user stays in a room");
        }
    }
    api.accounts.deactivate(user_id, request.erase).await?;
    Ok(Answer(Response::new(ThirdPartyIdRemovalStatus::NoSupport)))
}
