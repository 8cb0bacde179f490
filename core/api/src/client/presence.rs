use axum::Json;
use axum::extract::State;
use causeway_hub::presence::Presences;
use causeway_hub::time::now_ms;
use ruma::api::client::presence::{get_presence, set_presence};
use serde_json::{Value, json};

use crate::{Answer, ApiError, Limited, RateLimits, Ruma};

/// `GET /_matrix/client/v3/presence/{userId}/status` (client-server API, "Presence")
pub async fn get(
    State(presences): State<Presences>,
    Ruma { request, .. }: Ruma<get_presence::v3::Request>,
) -> Json<Value> {
    let Some(presence) = presences.get(&request.user_id) else { return Json(json!({ "presence": "offline" })) };
    let ago = now_ms() - presence.last_active;
    let mut answer = json!({ "presence": presence.state, "last_active_ago": ago.max(0) });
    if let Some(message) = presence.status_msg {
        answer["status_msg"] = message.into();
    }
    Json(answer)
}

/// `PUT /_matrix/client/v3/presence/{userId}/status` (client-server API, "Presence")
pub async fn set(
    State(presences): State<Presences>,
    State(limits): State<RateLimits>,
    Ruma { request, requester, .. }: Ruma<set_presence::v3::Request>,
) -> Result<Answer<set_presence::v3::Response>, ApiError> {
    requester.must_be(&request.user_id)?;
    limits.check(Limited::Presence, &requester)?;
    presences.set(&requester.user_id, request.presence, request.status_msg);
    Ok(Answer(set_presence::v3::Response::new()))
}
