use axum::Json;
use axum::extract::State;
use causeway_hub::devices::Devices;
use ruma::api::auth_scheme::AccessToken;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::none;
use crate::ApiError;
use crate::endpoint::Unparsed;

/// `GET /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device`
pub async fn get(
    State(devices): State<Devices>,
    Unparsed { requester, .. }: Unparsed<AccessToken>,
) -> Result<Json<Value>, ApiError> {
    let (device_id, data) = devices.dehydrated(&requester.user_id).await?.ok_or_else(none)?;
    let data: Box<RawValue> = serde_json::from_str(&data).map_err(ApiError::internal)?;
    Ok(Json(json!({ "device_id": device_id, "device_data": data })))
}
