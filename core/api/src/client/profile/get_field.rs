use axum::Json;
use axum::extract::State;
use ruma::api::client::profile::get_profile_field::v3::Request;
use serde_json::{Value, json};

use super::lookup;
use crate::{Api, ApiError, Ruma};

/// `GET /_matrix/client/v3/profile/{userId}/{keyName}` (client-server API, "Profiles")
pub async fn get_field(State(api): State<Api>, Ruma { request, .. }: Ruma<Request>) -> Result<Json<Value>, ApiError> {
    let field = request.field.as_str();
    match lookup(&api, &request.user_id).await?.remove(field) {
        Some(value) => Ok(Json(json!({ field: value }))),
        None => Err(ApiError::not_found(format!("the profile has no {field}"))),
    }
}
