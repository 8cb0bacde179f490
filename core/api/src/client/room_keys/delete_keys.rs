use axum::Json;
use axum::extract::State;
use causeway_hub::keys::Keys;
use ruma::api::client::backup::{delete_backup_keys, delete_backup_keys_for_room, delete_backup_keys_for_session};
use serde_json::Value;

use super::changed;
use crate::{ApiError, Ruma};

/// `DELETE /_matrix/client/v3/room_keys/keys` (client-server API, "Server-side key backups")
pub async fn all(
    State(keys): State<Keys>,
    Ruma { request, requester, .. }: Ruma<delete_backup_keys::v3::Request>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(changed(&keys.delete_backed_up(&requester.user_id, &request.version, None, None).await?)))
}

/// `DELETE /_matrix/client/v3/room_keys/keys/{roomId}` (client-server API, "Server-side key backups")
pub async fn of_room(
    State(keys): State<Keys>,
    Ruma { request, requester, .. }: Ruma<delete_backup_keys_for_room::v3::Request>,
) -> Result<Json<Value>, ApiError> {
    let room_id = Some(request.room_id.as_str());
    Ok(Json(changed(&keys.delete_backed_up(&requester.user_id, &request.version, room_id, None).await?)))
}

/// `DELETE /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}` (client-server API, "Server-side key backups")
pub async fn of_session(
    State(keys): State<Keys>,
    Ruma { request, requester, .. }: Ruma<delete_backup_keys_for_session::v3::Request>,
) -> Result<Json<Value>, ApiError> {
    let (room_id, session_id) = (Some(request.room_id.as_str()), Some(request.session_id.as_str()));
    Ok(Json(changed(&keys.delete_backed_up(&requester.user_id, &request.version, room_id, session_id).await?)))
}
