use axum::Json;
use ruma::api::client::voip::get_turn_server_info::v3::Request;
use serde_json::{Value, json};

use crate::Ruma;

/// `GET /_matrix/client/v3/voip/turnServer` (client-server API, "Voice over IP"): there is none.
pub async fn turn_server(_: Ruma<Request>) -> Json<Value> {
    Json(json!({}))
}
