use axum::Json;
use axum::extract::State;
use causeway_hub::devices::Devices;
use ruma::api::client::device::get_device::v3::Request;
use serde_json::Value;

use super::describe;
use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/devices/{deviceId}` (client-server API, "Device Management")
pub async fn get(
    State(devices): State<Devices>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let device = devices.get(&requester.user_id, &request.device_id).await?;
    device.as_ref().map(describe).map(Json).ok_or_else(|| ApiError::not_found("there is no such device"))
}
