use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ruma::api::client::session::get_login_types::v3::Request;
use serde_json::{Value, json};

use crate::{Config, Ruma};

/// `GET /_matrix/client/v3/login` (client-server API, "Login")
pub async fn flows(State(config): State<Arc<Config>>, _: Ruma<Request>) -> Json<Value> {
    let mut flows = Vec::new();
    if config.password_login {
        flows.push(json!({ "type": "m.login.password" }));
    }
    flows.push(json!({ "type": "m.login.token", "get_login_token": true }));
    flows.push(json!({ "type": "m.login.application_service" }));
    Json(json!({ "flows": flows }))
}
