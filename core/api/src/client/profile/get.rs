use axum::Json;
use axum::extract::State;
use ruma::api::client::profile::get_profile::v3::Request;
use serde_json::{Map, Value};

use super::lookup;
use crate::{Api, ApiError, Ruma};

/// `GET /_matrix/client/v3/profile/{userId}` (client-server API, "Profiles")
pub async fn get(
    State(api): State<Api>,
    Ruma { request, .. }: Ruma<Request>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    Ok(Json(lookup(&api, &request.user_id).await?))
}
