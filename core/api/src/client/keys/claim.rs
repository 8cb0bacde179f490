use axum::Json;
use axum::extract::State;
use causeway_hub::keys::Keys;
use futures_util::{StreamExt, TryStreamExt};
use ruma::api::client::keys::claim_keys::v3::Request;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::{Api, ApiError, Ruma};

/// Keys claimed at the same time: their commits share the way to the disk.
const AT_ONCE: usize = 32;

/// `POST /_matrix/client/v3/keys/claim` (client-server API, "Key management API")
pub async fn claim(
    State(api): State<Api>,
    State(keys): State<Keys>,
    Ruma { request, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let mut failures = Map::new();
    let mut wanted = Vec::new();
    for (user_id, devices) in request.one_time_keys {
        if user_id.server_name() != api.config.server_name {
            failures.insert(user_id.server_name().to_string(), json!({}));
            continue;
        }
        wanted.extend(devices.into_iter().map(|(device, algorithm)| (user_id.clone(), device, algorithm.to_string())));
    }
    let keys = &keys;
    let claims = wanted.into_iter().map(|(user_id, device_id, algorithm)| async move {
        let key = keys.claim(&user_id, &device_id, &algorithm).await?;
        Ok::<_, ApiError>(key.map(|key| (user_id, device_id, key)))
    });
    let claimed: Vec<_> = futures_util::stream::iter(claims).buffer_unordered(AT_ONCE).try_collect().await?;
    let mut answer: Map<String, Value> = Map::new();
    for (user_id, device_id, key) in claimed.into_iter().flatten() {
        let json = serde_json::from_str::<Box<RawValue>>(&key.json).map_err(ApiError::internal)?;
        answer.entry(user_id.to_string()).or_insert_with(|| json!({}))[device_id.as_str()] =
            json!({ key.key_id: json });
    }
    Ok(Json(json!({ "failures": failures, "one_time_keys": answer })))
}
