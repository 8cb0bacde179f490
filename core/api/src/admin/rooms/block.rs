use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use causeway_hub::rooms::Rooms;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Named, named};
use crate::ApiError;
use crate::admin::authorize::Admin;

#[derive(Deserialize)]
struct Body {
    block: bool,
}

/// `GET /_synapse/admin/v1/rooms/{room_id}/block`: whether the room is blocked, and by whom; also of one that is not here.
pub async fn get(_: Admin, State(rooms): State<Rooms>, room_id: Named) -> Result<Json<Value>, ApiError> {
    Ok(Json(match rooms.blocked_by(&named(room_id)?).await? {
        // The local admin has no user id.
        Some(user_id) if !user_id.is_empty() => json!({ "block": true, "user_id": user_id }),
        blocked => json!({ "block": blocked.is_some() }),
    }))
}

/// `PUT /_synapse/admin/v1/rooms/{room_id}/block`: nobody of this server comes into the room any more, or may again.
pub async fn put(
    admin: Admin,
    State(rooms): State<Rooms>,
    room_id: Named,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let room_id = named(room_id)?;
    let Body { block } = serde_json::from_slice(&body)?;
    rooms.set_blocked(&room_id, block.then(|| admin.id())).await?;
    tracing::info!(%admin, %room_id, block, "room blocked or opened");
    Ok(Json(json!({ "block": block })))
}
