use axum::Json;
use axum::extract::{Path, State};
use causeway_router::Router;
use causeway_store::Position;
use serde_json::{Value, json};

use super::{Entry, destination};
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/queues/{id}/skip`: gives up the entry at `position`, which fails: it becomes a dead letter
/// now, and its room goes on.
pub async fn skip(
    _: Admin,
    State(router): State<Router>,
    Path(id): Path<String>,
    Json(entry): Json<Entry>,
) -> Result<Json<Value>, ApiError> {
    router.skip(&destination(&id), Position(entry.position))?;
    Ok(Json(json!({})))
}
