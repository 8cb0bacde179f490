use axum::extract::State;
use causeway_hub::rooms::{Membership, MembershipChange};
use ruma::UserId;
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
    let user_id = &requester.user_id;
    if let Some(appservice) = &requester.appservice {
        // Those it acts for as double puppets are not its to end.
        let made_by = api.accounts.get(user_id).await?.and_then(|account| account.appservice);
        if made_by.as_ref() != Some(&appservice.registration.id) {
            return Err(ApiError::forbidden(format!("{user_id} was not made by this application service")));
        }
    }
    interactive::confirm(&api, &requester, &body).await?;
    leave_and_deactivate(&api, user_id, request.erase).await?;
    Ok(Answer(Response::new(ThirdPartyIdRemovalStatus::NoSupport)))
}

/// The user leaves all rooms and can never log in again; `erase` takes the profile away too, and
/// what the user said from all who did not have it already.
pub(crate) async fn leave_and_deactivate(api: &Api, user_id: &UserId, erase: bool) -> Result<(), ApiError> {
    for room_id in api.rooms.joined_rooms(user_id).await? {
        let leave = Membership {
            room_id: room_id.clone(),
            sender: user_id.to_owned(),
            target: user_id.to_owned(),
            change: MembershipChange::Leave,
            reason: None,
            extra: serde_json::Map::new(),
            timestamp: None,
        };
        if let Err(error) = api.rooms.change_membership(leave).await {
            tracing::warn!(%user_id, %room_id, %error, "a deactivated user stays in a room");
        }
    }
    api.accounts.deactivate(user_id, erase).await?;
    Ok(())
}
