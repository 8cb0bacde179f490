use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use causeway_hub::devices::Devices;
use ruma::api::client::device::update_device::v3::Request;
use serde_json::{Value, json};

use crate::{ApiError, Ruma};

/// `PUT /_matrix/client/v3/devices/{deviceId}` (client-server API, "Device Management"). An appservice makes devices
/// this way: 201 when it is new (application service API, "Device management").
pub async fn put(
    State(devices): State<Devices>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let (user_id, device_id, name) = (&requester.user_id, &request.device_id, request.display_name.as_deref());
    if requester.appservice.is_some() && devices.create(user_id, device_id, name).await? {
        return Ok((StatusCode::CREATED, Json(json!({}))));
    }
    if !devices.exists(user_id, device_id).await? {
        return Err(ApiError::not_found("there is no such device"));
    }
    if let Some(name) = name {
        devices.rename(user_id, device_id, name).await?;
    }
    Ok((StatusCode::OK, Json(json!({}))))
}
