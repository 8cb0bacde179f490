use axum::extract::State;
use causeway_hub::account_data::AccountData;
use ruma::api::client::tag::delete_tag::v3::{Request, Response};

use crate::{Answer, ApiError, Ruma};

/// `DELETE /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}` (client-server API, "Room Tagging")
pub async fn delete(
    State(account_data): State<AccountData>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    requester.must_be(&request.user_id)?;
    account_data.set_tag(&requester.user_id, &request.room_id, &request.tag, None).await?;
    Ok(Answer(Response::new()))
}
