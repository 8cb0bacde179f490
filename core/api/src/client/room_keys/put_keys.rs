use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use causeway_hub::keys::Keys;
use causeway_store::BackedUpKeyRow;
use ruma::api::client::backup::{add_backup_keys, add_backup_keys_for_room, add_backup_keys_for_session};
use ruma::{OwnedRoomId, RoomId, UInt};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::changed;
use crate::{ApiError, Ruma};

#[derive(Deserialize)]
struct Key {
    first_message_index: UInt,
    forwarded_count: UInt,
    is_verified: bool,
    session_data: Box<RawValue>,
}

#[derive(Deserialize)]
struct Room {
    sessions: BTreeMap<String, Key>,
}

#[derive(Deserialize)]
struct All {
    rooms: BTreeMap<OwnedRoomId, Room>,
}

impl Key {
    fn row(self, room_id: &RoomId, session_id: String) -> Result<BackedUpKeyRow, ApiError> {
        let session_data = self.session_data.get();
        if serde_json::from_str::<Map<String, Value>>(session_data).is_err() {
            return Err(ApiError::bad_request("M_BAD_JSON", format!("session_data of {session_id} is no object")));
        }
        Ok(BackedUpKeyRow {
            room_id: room_id.to_string(),
            session_id,
            first_message_index: self.first_message_index.into(),
            forwarded_count: self.forwarded_count.into(),
            is_verified: self.is_verified,
            session_data: session_data.to_owned(),
        })
    }
}

impl Room {
    fn rows(self, room_id: &RoomId) -> impl Iterator<Item = Result<BackedUpKeyRow, ApiError>> {
        self.sessions.into_iter().map(|(session_id, key)| key.row(room_id, session_id))
    }
}

/// `PUT /_matrix/client/v3/room_keys/keys` (client-server API, "Server-side key backups")
pub async fn all(
    State(keys): State<Keys>,
    Ruma { request, requester, body }: Ruma<add_backup_keys::v3::Request>,
) -> Result<Json<Value>, ApiError> {
    let All { rooms } = serde_json::from_slice(&body)?;
    let mut rows = Vec::new();
    for (room_id, room) in rooms {
        for row in room.rows(&room_id) {
            rows.push(row?);
        }
    }
    Ok(Json(changed(&keys.back_up(&requester.user_id, &request.version, &rows).await?)))
}

/// `PUT /_matrix/client/v3/room_keys/keys/{roomId}` (client-server API, "Server-side key backups")
pub async fn of_room(
    State(keys): State<Keys>,
    Ruma { request, requester, body }: Ruma<add_backup_keys_for_room::v3::Request>,
) -> Result<Json<Value>, ApiError> {
    let room: Room = serde_json::from_slice(&body)?;
    let rows = room.rows(&request.room_id).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(changed(&keys.back_up(&requester.user_id, &request.version, &rows).await?)))
}

/// `PUT /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}` (client-server API, "Server-side key backups")
pub async fn of_session(
    State(keys): State<Keys>,
    Ruma { request, requester, body }: Ruma<add_backup_keys_for_session::v3::Request>,
) -> Result<Json<Value>, ApiError> {
    let key: Key = serde_json::from_slice(&body)?;
    let row = key.row(&request.room_id, request.session_id)?;
    Ok(Json(changed(&keys.back_up(&requester.user_id, &request.version, &[row]).await?)))
}
