use axum::Json;
use axum::extract::State;
use causeway_hub::keys::Keys;
use ruma::api::client::keys::claim_keys::v3::Request;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::{Api, ApiError, Ruma};

/// `POST /_matrix/client/v3/keys/claim` (client-server API, "Key management API")
pub async fn claim(
    State(api): State<Api>,
    State(keys): State<Keys>,
    Ruma { request, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let mut answer: Map<String, Value> = Map::new();
    let mut failures = Map::new();
    for (user_id, devices) in request.one_time_keys {
        if user_id.server_name() != api.config.server_name {
            failures.insert(user_id.server_name().to_string(), json!({}));
            continue;
        }
        let mut claimed = Map::new();
        for (device_id, algorithm) in devices {
            if let Some(key) = keys.claim(&user_id, &device_id, algorithm.as_ref()).await? {
                let json = serde_json::from_str::<Box<RawValue>>(&key.json).map_err(ApiError::internal)?;
                claimed.insert(device_id.to_string(), json!({ key.key_id: json }));
            }
        }
        if !claimed.is_empty() {
            answer.insert(user_id.to_string(), claimed.into());
        }
    }
    Ok(Json(json!({ "failures": failures, "one_time_keys": answer })))
}
