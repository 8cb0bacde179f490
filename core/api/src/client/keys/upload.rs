use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use causeway_hub::keys::{Keys, Upload, UploadError};
use ruma::api::client::keys::upload_keys::v3::Request;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::{ApiError, Requester, Ruma};

/// The keys as they came: what is signed is never written anew.
#[derive(Deserialize)]
struct Body {
    device_keys: Option<Box<RawValue>>,
    #[serde(default)]
    one_time_keys: BTreeMap<String, Box<RawValue>>,
    #[serde(default)]
    fallback_keys: BTreeMap<String, Box<RawValue>>,
}

#[derive(Deserialize)]
struct Owner {
    user_id: String,
    device_id: String,
}

/// `POST /_matrix/client/v3/keys/upload` (client-server API, "Key management API")
pub async fn upload(
    State(keys): State<Keys>,
    Ruma { requester, body, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let device_id = requester.device()?;
    let body: Body = if body.is_empty() { serde_json::from_slice(b"{}") } else { serde_json::from_slice(&body) }?;
    if let Some(device_keys) = &body.device_keys {
        check_owner(device_keys, &requester)?;
    }
    let upload =
        Upload { device_keys: body.device_keys, one_time_keys: body.one_time_keys, fallback_keys: body.fallback_keys };
    keys.upload(&requester.user_id, device_id, upload).await?;
    let counts = keys.counts(&requester.user_id, device_id.as_str()).await?;
    let mut counts: Map<String, Value> = counts.into_iter().map(|(name, count)| (name, count.into())).collect();
    // Clients upload more when it is 0; without the key some would not look.
    counts.entry("signed_curve25519").or_insert_with(|| 0.into());
    Ok(Json(json!({ "one_time_key_counts": counts })))
}

fn check_owner(device_keys: &RawValue, requester: &Requester) -> Result<(), ApiError> {
    let owner: Owner = serde_json::from_str(device_keys.get())?;
    let device = requester.device_id.as_ref().map(|device| device.as_str());
    if owner.user_id == requester.user_id.as_str() && Some(owner.device_id.as_str()) == device {
        Ok(())
    } else {
        Err(ApiError::invalid_param("user_id and device_id of the keys must be those of the request"))
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Conflict(conflict) => Self::bad_request("M_UNKNOWN", conflict.to_string()),
            UploadError::Store(error) => error.into(),
        }
    }
}
