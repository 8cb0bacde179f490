use axum::Json;
use axum::extract::State;
use causeway_hub::devices::Devices;
use ruma::api::client::device::get_devices::v3::Request;
use serde_json::{Value, json};

use super::describe;
use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/devices` (client-server API, "Device Management")
pub async fn list(
    State(devices): State<Devices>,
    Ruma { requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let devices: Vec<_> = devices.list(&requester.user_id).await?.iter().map(describe).collect();
    Ok(Json(json!({ "devices": devices })))
}
