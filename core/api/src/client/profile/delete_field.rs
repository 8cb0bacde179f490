use axum::Json;
use axum::extract::State;
use causeway_hub::profiles::Profiles;
use ruma::api::client::profile::delete_profile_field::v3::Request;
use serde_json::{Value, json};

use crate::{ApiError, Ruma};

/// `DELETE /_matrix/client/v3/profile/{userId}/{keyName}` (client-server API, "Profiles")
pub async fn delete_field(
    State(profiles): State<Profiles>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    requester.may_act()?;
    requester.must_be(&request.user_id)?;
    profiles.set(&requester.user_id, request.field.as_str(), None).await?;
    Ok(Json(json!({})))
}
