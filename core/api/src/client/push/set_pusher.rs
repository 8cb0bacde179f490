use axum::Json;
use axum::extract::State;
use causeway_hub::push::{Push, Pusher, PusherError};
use ruma::api::client::push::set_pusher::v3::Request;
use serde_json::{Map, Value, json};

use crate::{ApiError, Ruma};

/// `POST /_matrix/client/v3/pushers/set` (client-server API, "Push Notifications"). A `kind` of null removes it.
pub async fn set_pusher(
    State(push): State<Push>,
    Ruma { requester, body, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let mut pusher: Map<String, Value> = serde_json::from_slice(&body)?;
    let append = pusher.remove("append").and_then(|append| append.as_bool()).unwrap_or_default();
    let text = |key: &str| pusher.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (app_id, pushkey) = (text("app_id"), text("pushkey"));
    let device = requester.device_id.as_ref().map_or("", |device| device.as_str());
    if pusher.get("kind").is_none_or(Value::is_null) {
        push.delete_pusher(&requester.user_id, &app_id, &pushkey).await?;
    } else {
        let pusher = Value::from(pusher);
        Pusher::parse(&pusher)?;
        push.set_pusher(&requester.user_id, device, &app_id, &pushkey, &pusher, append).await?;
    }
    Ok(Json(json!({})))
}

impl From<PusherError> for ApiError {
    fn from(error: PusherError) -> Self {
        let text = error.to_string();
        match error {
            PusherError::Missing(_) => Self::bad_request("M_MISSING_PARAM", text),
            PusherError::Invalid(_) => Self::invalid_param(text),
        }
    }
}
