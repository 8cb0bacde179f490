use axum::Json;
use ruma::api::client::session::get_login_types::v3::Request;
use serde_json::{Value, json};

use crate::Ruma;

/// `GET /_matrix/client/v3/login` (client-server API, "Login")
pub async fn flows(_: Ruma<Request>) -> Json<Value> {
    Json(json!({ "flows": [
        { "type": "m.login.password" },
        { "type": "m.login.token", "get_login_token": true },
        { "type": "m.login.application_service" },
    ] }))
}
