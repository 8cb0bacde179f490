use axum::Json;
use axum::extract::State;
use causeway_hub::keys::Keys;
use ruma::api::client::keys::get_keys::v3::Request;
use serde_json::{Map, Value, json};

use crate::{Api, ApiError, Ruma};

/// `POST /_matrix/client/v3/keys/query` (client-server API, "Key management API")
pub async fn query(
    State(api): State<Api>,
    State(keys): State<Keys>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let [mut devices, mut masters, mut self_signing, mut user_signing] = std::array::from_fn(|_| Map::new());
    let mut failures = Map::new();
    for (user_id, wanted) in request.device_keys {
        if user_id.server_name() != api.config.server_name {
            failures.insert(user_id.server_name().to_string(), json!({}));
            continue;
        }
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        let found = keys.query(&user_id, &wanted, &requester.user_id).await?;
        devices.insert(user_id.to_string(), found.devices.into());
        let cross_signing = [
            (&mut masters, found.master),
            (&mut self_signing, found.self_signing),
            (&mut user_signing, found.user_signing),
        ];
        for (map, key) in cross_signing {
            if let Some(key) = key {
                map.insert(user_id.to_string(), key);
            }
        }
    }
    Ok(Json(json!({
        "failures": failures,
        "device_keys": devices,
        "master_keys": masters,
        "self_signing_keys": self_signing,
        "user_signing_keys": user_signing,
    })))
}
