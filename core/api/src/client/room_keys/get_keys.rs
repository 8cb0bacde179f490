use axum::Json;
use axum::extract::State;
use causeway_hub::keys::Keys;
use causeway_store::BackedUpKeyRow;
use ruma::api::client::backup::{get_backup_keys, get_backup_keys_for_room, get_backup_keys_for_session};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/room_keys/keys` (client-server API, "Server-side key backups")
pub async fn all(
    State(keys): State<Keys>,
    Ruma { request, requester, .. }: Ruma<get_backup_keys::v3::Request>,
) -> Result<Json<Value>, ApiError> {
    let mut rooms = Map::new();
    for key in keys.backed_up(&requester.user_id, &request.version, None, None).await? {
        let room = rooms.entry(key.room_id.clone()).or_insert_with(|| json!({ "sessions": {} }));
        room["sessions"][&key.session_id] = shown(&key)?;
    }
    Ok(Json(json!({ "rooms": rooms })))
}

/// `GET /_matrix/client/v3/room_keys/keys/{roomId}` (client-server API, "Server-side key backups")
pub async fn of_room(
    State(keys): State<Keys>,
    Ruma { request, requester, .. }: Ruma<get_backup_keys_for_room::v3::Request>,
) -> Result<Json<Value>, ApiError> {
    let mut sessions = Map::new();
    let room_id = Some(request.room_id.as_str());
    for key in keys.backed_up(&requester.user_id, &request.version, room_id, None).await? {
        sessions.insert(key.session_id.clone(), shown(&key)?);
    }
    Ok(Json(json!({ "sessions": sessions })))
}

/// `GET /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}` (client-server API, "Server-side key backups")
pub async fn of_session(
    State(keys): State<Keys>,
    Ruma { request, requester, .. }: Ruma<get_backup_keys_for_session::v3::Request>,
) -> Result<Json<Value>, ApiError> {
    let (room_id, session_id) = (Some(request.room_id.as_str()), Some(request.session_id.as_str()));
    let found = keys.backed_up(&requester.user_id, &request.version, room_id, session_id).await?;
    let key = found.first().ok_or_else(|| ApiError::not_found("there is no such key in this backup"))?;
    shown(key).map(Json)
}

fn shown(key: &BackedUpKeyRow) -> Result<Value, ApiError> {
    let session_data: Box<RawValue> = serde_json::from_str(&key.session_data).map_err(ApiError::internal)?;
    Ok(json!({
        "first_message_index": key.first_message_index,
        "forwarded_count": key.forwarded_count,
        "is_verified": key.is_verified,
        "session_data": session_data,
    }))
}
