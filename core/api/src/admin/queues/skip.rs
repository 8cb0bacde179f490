use axum::Json;
use axum::extract::{Path, State};
use causeway_router::Router;
use causeway_store::Position;
use serde_json::{Value, json};

use super::{Entry, destination};
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/queues/{id}/skip`: gives up the entry at `position`, which fails or waits to be repeated: it
/// becomes a dead letter now, and its room goes on.
pub async fn skip(
    admin: Admin,
    State(router): State<Router>,
    Path(id): Path<String>,
    Json(entry): Json<Entry>,
) -> Result<Json<Value>, ApiError> {
    router.skip(&destination(&id), Position(entry.position))?;
    tracing::info!(%admin, destination = id, position = entry.position, "entry given up");
    Ok(Json(json!({})))
}
