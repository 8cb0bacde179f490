use axum::Json;
use axum::extract::State;
use ruma::api::client::admin::get_user_info::v3::Request;
use serde_json::{Map, Value, json};

use super::account;
use crate::{Api, ApiError, Ruma};

/// `GET /_matrix/client/v3/admin/whois/{userId}` (client-server API, "Server administration"), by an admin or of oneself
pub async fn whois(
    State(api): State<Api>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    if requester.user_id != request.user_id {
        account(&api, &requester, &request.user_id).await?;
    }
    let mut connections = api.devices.connections(&request.user_id);
    let mut devices = Map::new();
    for device in api.devices.list(&request.user_id).await? {
        let places = connections.remove::<ruma::DeviceId>(device.device_id.as_str().into()).unwrap_or_default();
        let places: Vec<Value> = places
            .into_iter()
            .map(|place| json!({ "ip": place.address, "last_seen": place.last_seen, "user_agent": place.user_agent }))
            .collect();
        devices.insert(device.device_id, json!({ "sessions": [{ "connections": places }] }));
    }
    Ok(Json(json!({ "user_id": request.user_id, "devices": devices })))
}
