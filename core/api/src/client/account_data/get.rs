use axum::Json;
use axum::extract::State;
use ruma::api::client::config::get_global_account_data::v3::Request;
use serde_json::value::RawValue;
use serde_json::{json, value::to_raw_value};

use super::none_yet;
use crate::{Api, ApiError, Ruma};

/// `GET /_matrix/client/v3/user/{userId}/account_data/{type}` (client-server API, "Client Config")
pub async fn get(
    State(api): State<Api>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Box<RawValue>>, ApiError> {
    requester.must_be(&request.user_id)?;
    let data_type = request.event_type.to_string();
    if data_type == "m.push_rules" {
        let rules = api.push.rules(&requester.user_id).await?;
        return Ok(Json(to_raw_value(&json!({ "global": rules }))?));
    }
    match api.account_data.get(&requester.user_id, None, &data_type).await? {
        Some(content) => Ok(Json(RawValue::from_string(content)?)),
        None => Err(none_yet(&data_type)),
    }
}
