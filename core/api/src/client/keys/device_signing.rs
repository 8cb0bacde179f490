use axum::Json;
use axum::extract::State;
use ruma::api::client::keys::upload_signing_keys::v3::Request;
use serde_json::{Value, json};

use crate::client::interactive;
use crate::{Api, ApiError, Ruma};

/// `POST /_matrix/client/v3/keys/device_signing/upload` (client-server API, "Cross-signing"). The first keys need no
/// password.
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
    let known = api.keys.query(&requester.user_id, &[], &requester.user_id).await?;
    if known.master.is_some() {
        interactive::confirm(&api, &requester, &body).await?;
    }
    let keys: Vec<(&str, &str)> = keys.iter().map(|(usage, key)| (*usage, key.as_str())).collect();
    api.keys.upload_cross_signing(&requester.user_id, &keys).await?;
    Ok(Json(json!({})))
}
