use axum::Json;
use axum::extract::{Path, State};
use causeway_router::Router;
use causeway_store::Position;
use serde_json::{Value, json};

use super::{Entries, destination};
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/queues/{id}/retry`: tries the dead letter at `position`, or all of them, again; alone, late,
/// and marked so. Answers how many.
pub async fn retry(
    admin: Admin,
    State(router): State<Router>,
    Path(id): Path<String>,
    Json(entries): Json<Entries>,
) -> Result<Json<Value>, ApiError> {
    let retried = router.retry(&destination(&id), entries.position.map(Position)).await?;
    tracing::info!(%admin, destination = id, position = entries.position, retried, "dead letters are tried again");
    Ok(Json(json!({ "retried": retried })))
}
