use axum::Json;
use axum::extract::State;
use causeway_hub::media::Media;
use ruma::api::auth_scheme::AccessToken;
use serde_json::{Value, json};

use crate::endpoint::Unparsed;

/// `GET /_matrix/client/v1/media/config` (client-server API, "Content repository")
pub async fn config(State(media): State<Media>, _: Unparsed<AccessToken>) -> Json<Value> {
    Json(json!({ "m.upload.size": media.max_upload() }))
}
