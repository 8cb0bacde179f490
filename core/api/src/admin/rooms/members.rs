use axum::Json;
use axum::extract::State;
use causeway_hub::rooms::Rooms;
use serde_json::{Value, json};

use super::{Named, named};
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_synapse/admin/v1/rooms/{room_id}/members`: who is in the room.
pub async fn members(_: Admin, State(rooms): State<Rooms>, room_id: Named) -> Result<Json<Value>, ApiError> {
    let room = rooms.snapshot(&named(room_id)?).await?;
    let mut members: Vec<&str> = room.joined_members().collect();
    members.sort_unstable();
    Ok(Json(json!({ "members": members, "total": members.len() })))
}
