use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ruma::api::auth_scheme::AccessToken;
use serde_json::{Value, json};

use crate::Config;
use crate::endpoint::Unparsed;

/// `GET /_matrix/client/unstable/org.matrix.msc4143/rtc/transports` (MSC4143): what calls can go over, as configured
pub async fn rtc_transports(State(config): State<Arc<Config>>, _: Unparsed<AccessToken>) -> Json<Value> {
    Json(json!({ "rtc_transports": config.rtc_transports }))
}
