use axum::Json;
use axum::extract::State;
use causeway_hub::keys::{Keys, SignatureFailure, SignedKeys};
use ruma::api::client::keys::upload_signatures::v3::Request;
use serde_json::{Map, Value, json};

use crate::{ApiError, Ruma};

/// `POST /_matrix/client/v3/keys/signatures/upload` (client-server API, "Cross-signing")
pub async fn upload(
    State(keys): State<Keys>,
    Ruma { requester, body, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let signed: SignedKeys = serde_json::from_slice(&body)?;
    let mut failures = Map::new();
    for (user_id, key_id, failure) in keys.upload_signatures(&requester.user_id, &signed).await? {
        let errcode = match failure {
            SignatureFailure::Unknown => "M_NOT_FOUND",
            SignatureFailure::Other | SignatureFailure::Invalid => "M_INVALID_SIGNATURE",
        };
        let of_user = failures.entry(user_id.to_string()).or_insert_with(|| json!({}));
        of_user[&key_id] = json!({ "errcode": errcode, "error": failure.to_string() });
    }
    Ok(Json(json!({ "failures": failures })))
}
