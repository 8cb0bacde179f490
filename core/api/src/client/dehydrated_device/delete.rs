use axum::Json;
use axum::extract::State;
use causeway_hub::devices::Devices;
use ruma::api::auth_scheme::AccessToken;
use serde_json::{Value, json};

use super::none;
use crate::ApiError;
use crate::endpoint::Unparsed;

/// `DELETE /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device`
pub async fn delete(
    State(devices): State<Devices>,
    Unparsed { requester, .. }: Unparsed<AccessToken>,
) -> Result<Json<Value>, ApiError> {
    let (device_id, _) = devices.dehydrated(&requester.user_id).await?.ok_or_else(none)?;
    devices.delete(&requester.user_id, std::slice::from_ref(&device_id)).await?;
    Ok(Json(json!({ "device_id": device_id })))
}
