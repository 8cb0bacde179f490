use axum::Json;
use axum::extract::{Path, State};
use causeway_router::Router;
use causeway_store::Position;
use serde_json::{Value, json};

use super::{Entry, destination};
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/queues/{id}/retry`: tries the dead letter at `position` again, alone.
pub async fn retry(
    _: Admin,
    State(router): State<Router>,
    Path(id): Path<String>,
    Json(entry): Json<Entry>,
) -> Result<Json<Value>, ApiError> {
    router.retry(&destination(&id), Position(entry.position)).await?;
    Ok(Json(json!({})))
}
