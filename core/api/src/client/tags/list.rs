use axum::Json;
use axum::extract::State;
use causeway_hub::account_data::AccountData;
use ruma::api::client::tag::get_tags::v3::Request;
use serde_json::{Value, json};

use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags` (client-server API, "Room Tagging")
pub async fn list(
    State(account_data): State<AccountData>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    requester.must_be(&request.user_id)?;
    let tags = account_data.tags(&requester.user_id, &request.room_id).await?;
    Ok(Json(json!({ "tags": tags })))
}
