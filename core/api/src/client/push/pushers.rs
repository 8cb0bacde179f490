use axum::Json;
use axum::extract::State;
use causeway_hub::push::Push;
use ruma::api::client::push::get_pushers::v3::Request;
use serde_json::{Value, json};

use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/pushers` (client-server API, "Push Notifications")
pub async fn list(State(push): State<Push>, Ruma { requester, .. }: Ruma<Request>) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "pushers": push.pushers(&requester.user_id).await? })))
}
