use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use causeway_hub::deletions::{DeleteRoom, Deletions};
use ruma::RoomId;
use serde_json::{Value, json};

use super::delete_status::shut_down;
use super::{Named, named};
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `DELETE /_synapse/admin/v2/rooms/{room_id}`: everybody of this server is put out, and what the room was is deleted, as soon
/// as destinations have taken what they still have to. The answer names the deletion.
pub async fn delete(
    admin: Admin,
    State(deletions): State<Deletions>,
    room_id: Named,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let id = start(&admin, &deletions, &named(room_id)?, &body).await?;
    Ok(Json(json!({ "delete_id": id })))
}

/// `DELETE /_synapse/admin/v1/rooms/{room_id}`: the same, and the answer waits for what does not depend on destinations.
pub async fn delete_and_wait(
    admin: Admin,
    State(deletions): State<Deletions>,
    room_id: Named,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let id = start(&admin, &deletions, &named(room_id)?, &body).await?;
    let progress = deletions.settled(&id).await?.ok_or_else(|| ApiError::not_found(format!("no deletion {id}")))?;
    match progress.ended {
        Some(Err(error)) => Err(ApiError::forbidden(error)),
        _ => Ok(Json(shut_down(&progress.shut_down))),
    }
}

async fn start(admin: &Admin, deletions: &Deletions, room_id: &RoomId, body: &[u8]) -> Result<String, ApiError> {
    let wanted: DeleteRoom = if body.is_empty() { serde_json::from_str("{}")? } else { serde_json::from_slice(body)? };
    let (block, purge) = (wanted.block, wanted.purge);
    let id = deletions.start(room_id, wanted, admin.id()).await?;
    tracing::info!(%admin, %room_id, block, purge, "deletion of a room begun");
    Ok(id)
}
