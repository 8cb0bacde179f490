use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ruma::api::client::discovery::discover_homeserver::Request;
use serde_json::{Value, json};

use crate::{ApiError, Config, Ruma};

/// `GET /.well-known/matrix/client` (client-server API, "Well-known URI")
pub async fn client(State(config): State<Arc<Config>>, _: Ruma<Request>) -> Result<Json<Value>, ApiError> {
    let Some(url) = &config.public_baseurl else {
        return Err(ApiError::not_found("public_baseurl is not configured"));
    };
    let mut answer = config.extra_well_known.clone();
    answer.insert("m.homeserver".to_owned(), json!({ "base_url": url }));
    Ok(Json(answer.into()))
}

/// `GET /.well-known/matrix/server` (server-server API, "Server discovery"): port 443, where this document itself was
/// found, unless the server name has a port
pub async fn server(State(config): State<Arc<Config>>) -> Result<Json<Value>, ApiError> {
    if !config.serve_server_wellknown {
        return Err(ApiError::not_found("serve_server_wellknown is off"));
    }
    let name = &config.server_name;
    let server = if name.port().is_some() { name.to_string() } else { format!("{name}:443") };
    Ok(Json(json!({ "m.server": server })))
}

/// `GET /.well-known/matrix/support` (client-server API, "Well-known URIs"): whom people turn to
pub async fn support(State(config): State<Arc<Config>>) -> Result<Json<Value>, ApiError> {
    config.support.clone().map(Json).ok_or_else(|| ApiError::not_found("no contact is configured"))
}
