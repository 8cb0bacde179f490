use axum::Json;
use axum::extract::State;
use causeway_hub::keys::CrossSigningError;
use ruma::api::client::keys::upload_signing_keys::v3::Request;
use serde_json::{Value, json};

use crate::client::interactive;
use crate::{Api, ApiError, Ruma};

/// `POST /_matrix/client/v3/keys/device_signing/upload` (client-server API, "Cross-signing"). The first keys need no
/// password, nor the same ones again.
pub async fn upload(
    State(api): State<Api>,
    Ruma { request, requester, body }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let given = [
        ("master", request.master_key),
        ("self_signing", request.self_signing_key),
        ("user_signing", request.user_signing_key),
    ];
    let keys: Vec<(&str, String)> =
        given.into_iter().filter_map(|(usage, key)| Some((usage, key?.json().get().to_owned()))).collect();
    let given: Vec<(&str, &str)> = keys.iter().map(|(usage, key)| (*usage, key.as_str())).collect();
    api.keys.check_cross_signing(&requester.user_id, &given).await?;
    let known = api.keys.query(&requester.user_id, &[], &requester.user_id).await?;
    let of = |usage: &str| match usage {
        "master" => known.master.as_ref(),
        "self_signing" => known.self_signing.as_ref(),
        _ => known.user_signing.as_ref(),
    };
    if known.master.is_some() && !keys.iter().all(|(usage, key)| is_same(of(usage), key)) {
        interactive::confirm(&api, &requester, &body).await?;
    }
    api.keys.upload_cross_signing(&requester.user_id, &given).await?;
    Ok(Json(json!({})))
}

/// Whether a key is the one that is known; signatures may have come since.
fn is_same(known: Option<&Value>, key: &str) -> bool {
    let key: Value = serde_json::from_str(key).unwrap_or_default();
    known.is_some_and(|known| known["keys"] == key["keys"] && known["usage"] == key["usage"])
}

impl From<CrossSigningError> for ApiError {
    fn from(error: CrossSigningError) -> Self {
        let text = error.to_string();
        match error {
            CrossSigningError::Malformed { .. } => Self::invalid_param(text),
            CrossSigningError::NoMaster => Self::bad_request("M_MISSING_PARAM", text),
            CrossSigningError::Signature { .. } => Self::bad_request("M_INVALID_SIGNATURE", text),
            CrossSigningError::Store(error) => error.into(),
        }
    }
}
