use axum::Json;
use axum::extract::{Path, State};
use causeway_hub::deletions::{Deletions, Progress, ShutDown};
use serde_json::{Value, json};

use super::{Named, named, status};
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_synapse/admin/v2/rooms/{room_id}/delete_status`: how far the deletions of a room are, the oldest first.
pub async fn of_room(_: Admin, State(deletions): State<Deletions>, room_id: Named) -> Result<Json<Value>, ApiError> {
    let room_id = named(room_id)?;
    let all = deletions.of_room(&room_id).await?;
    if all.is_empty() {
        return Err(ApiError::not_found(format!("the room {room_id} was never deleted")));
    }
    let results = all.iter().map(|progress| {
        let mut result = described(progress);
        result["delete_id"] = progress.id.as_str().into();
        result
    });
    Ok(Json(json!({ "results": results.collect::<Vec<_>>() })))
}

/// `GET /_synapse/admin/v2/rooms/delete_status/{delete_id}`
pub async fn of_deletion(
    _: Admin,
    State(deletions): State<Deletions>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let progress = deletions.progress(&id).await?;
    let progress = progress.ok_or_else(|| ApiError::not_found(format!("there is no deletion {id}")))?;
    Ok(Json(described(&progress)))
}

/// Ours says too how many events destinations still have to take before the room can go.
fn described(progress: &Progress) -> Value {
    let mut status = status(progress.ended.as_ref());
    status["shutdown_room"] = shut_down(&progress.shut_down);
    status["owed"] = progress.owed.into();
    status
}

pub(super) fn shut_down(done: &ShutDown) -> Value {
    json!({
        "kicked_users": done.kicked_users,
        "failed_to_kick_users": done.failed_to_kick_users,
        "local_aliases": done.local_aliases,
        "new_room_id": done.new_room_id,
    })
}
