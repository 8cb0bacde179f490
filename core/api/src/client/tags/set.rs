use axum::extract::State;
use causeway_hub::account_data::AccountData;
use ruma::api::client::tag::create_tag::v3::{Request, Response};
use serde_json::{Map, Value};

use crate::{Answer, ApiError, Ruma};

/// `PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}` (client-server API, "Room Tagging")
pub async fn set(
    State(account_data): State<AccountData>,
    Ruma { request, requester, body }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    requester.must_be(&request.user_id)?;
    let info: Map<String, Value> = if body.is_empty() { Map::new() } else { serde_json::from_slice(&body)? };
    account_data.set_tag(&requester.user_id, &request.room_id, &request.tag, Some(info.into())).await?;
    Ok(Answer(Response::new()))
}
