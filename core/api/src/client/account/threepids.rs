use axum::Json;
use ruma::api::client::account::get_3pids::v3::Request;
use serde_json::{Value, json};

use crate::Ruma;

/// `GET /_matrix/client/v3/account/3pid` (client-server API, "Adding Account Administrative Contact Information"): none
/// can be added here.
pub async fn list(_: Ruma<Request>) -> Json<Value> {
    Json(json!({ "threepids": [] }))
}
