use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use causeway_hub::devices::{Dehydrated, Devices};
use causeway_hub::keys::Upload;
use causeway_store::{CommitError, DEVICE_EXISTS};
use ruma::OwnedDeviceId;
use ruma::api::auth_scheme::AccessToken;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::ApiError;
use crate::endpoint::Unparsed;

#[derive(Deserialize)]
struct Body {
    device_id: OwnedDeviceId,
    initial_device_display_name: Option<String>,
    device_data: Box<RawValue>,
    device_keys: Box<RawValue>,
    #[serde(default)]
    one_time_keys: BTreeMap<String, Box<RawValue>>,
    #[serde(default)]
    fallback_keys: BTreeMap<String, Box<RawValue>>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "algorithm")]
    _algorithm: String,
}

#[derive(Deserialize)]
struct Owner {
    user_id: String,
    device_id: String,
}

/// `PUT /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device`
pub async fn put(
    State(devices): State<Devices>,
    Unparsed { requester, body, .. }: Unparsed<AccessToken>,
) -> Result<Json<Value>, ApiError> {
    let body: Body = serde_json::from_slice(&body)?;
    let _: Data = serde_json::from_str(body.device_data.get())?;
    let owner: Owner = serde_json::from_str(body.device_keys.get())?;
    if owner.user_id != requester.user_id.as_str() || owner.device_id != body.device_id.as_str() {
        return Err(ApiError::invalid_param("user_id and device_id of the keys must be those of the request"));
    }
    if body.device_id.as_str().is_empty() || body.device_id.as_str().len() > 255 {
        return Err(ApiError::invalid_param("device_id must have 1 to 255 bytes"));
    }
    let device = Dehydrated {
        device_id: &body.device_id,
        display_name: body.initial_device_display_name.as_deref(),
        data: body.device_data.get(),
        keys: Upload {
            device_keys: Some(body.device_keys),
            one_time_keys: body.one_time_keys,
            fallback_keys: body.fallback_keys,
        },
    };
    match devices.dehydrate(&requester.user_id, device).await {
        Ok(()) => Ok(Json(json!({ "device_id": body.device_id }))),
        Err(CommitError::Lost(DEVICE_EXISTS)) => Err(ApiError::invalid_param("another device of yours has this id")),
        Err(error) => Err(error.into()),
    }
}
