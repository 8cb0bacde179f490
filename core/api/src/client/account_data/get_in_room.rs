use axum::Json;
use axum::extract::State;
use causeway_hub::account_data::AccountData;
use ruma::api::client::config::get_room_account_data::v3::Request;
use serde_json::value::RawValue;

use super::none_yet;
use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}` (client-server API, "Client Config")
pub async fn get_in_room(
    State(account_data): State<AccountData>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Box<RawValue>>, ApiError> {
    requester.must_be(&request.user_id)?;
    let data_type = request.event_type.to_string();
    match account_data.get(&requester.user_id, Some(&request.room_id), &data_type).await? {
        Some(content) => Ok(Json(RawValue::from_string(content)?)),
        None => Err(none_yet(&data_type)),
    }
}
