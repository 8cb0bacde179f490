use axum::Json;
use axum::extract::State;
use causeway_hub::keys::{Keys, SignedKeys};
use ruma::api::client::keys::upload_signatures::v3::Request;
use serde_json::{Value, json};

use crate::{ApiError, Ruma};

/// `POST /_matrix/client/v3/keys/signatures/upload` (client-server API, "Cross-signing")
pub async fn upload(
    State(keys): State<Keys>,
    Ruma { requester, body, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let signed: SignedKeys = serde_json::from_slice(&body)?;
    keys.upload_signatures(&requester.user_id, &signed).await?;
    Ok(Json(json!({ "failures": {} })))
}
