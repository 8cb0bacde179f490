use axum::Json;
use axum::extract::{Query, State};
use causeway_hub::rooms::{NewEvent, Rooms, SendError};
use ruma::api::auth_scheme::AccessToken;
use ruma::{OwnedRoomId, OwnedUserId};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::endpoint::Unparsed;
use crate::{ApiError, Limited, RateLimits};

/// Events of one request, where it doesn't say, and at most.
const SOME: usize = 100;
const MOST: usize = 1_000;

#[derive(Deserialize)]
pub struct Parameters {
    limit: Option<usize>,
}

/// `POST /_matrix/client/unstable/org.matrix.msc4194/rooms/{roomId}/redact/user/{userId}`: what a user has sent, from
/// the newest on.
pub async fn redact_user(
    State(rooms): State<Rooms>,
    State(limits): State<RateLimits>,
    parameters: Result<Query<Parameters>, axum::extract::rejection::QueryRejection>,
    Unparsed { requester, params, body }: Unparsed<AccessToken>,
) -> Result<Json<Value>, ApiError> {
    let [room_id, user_id] = params.as_slice() else { return Err(ApiError::unknown_route()) };
    let invalid = |error: ruma::IdParseError| ApiError::invalid_param(error.to_string());
    let room_id = OwnedRoomId::try_from(room_id.as_str()).map_err(invalid)?;
    let user_id = OwnedUserId::try_from(user_id.as_str()).map_err(invalid)?;
    let Query(parameters) = parameters.map_err(|error| ApiError::invalid_param(error.body_text()))?;
    let limit = parameters.limit.unwrap_or(SOME).clamp(1, MOST);
    limits.check(Limited::Message, &requester)?;
    let content: Map<String, Value> = if body.is_empty() { Map::new() } else { serde_json::from_slice(&body)? };
    let content = RawValue::from_string(Value::Object(content).to_string())?;

    let sent = rooms.unredacted_of(&room_id, &requester.user_id, &user_id, limit + 1).await?;
    let mut total = 0;
    for event_id in sent.iter().take(limit) {
        let (room_id, sender, content) = (room_id.clone(), requester.user_id.clone(), content.clone());
        let redaction = NewEvent::message(room_id, sender, "m.room.redaction", content);
        match rooms.redact(redaction, event_id).await {
            Ok(_) => total += 1,
            // Somebody else was quicker, and it is gone.
            Err(SendError::UnknownEvent(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Json(json!({
        "is_more_events": sent.len() > limit,
        "redacted_events": { "total": total, "soft_failed": 0 },
    })))
}
