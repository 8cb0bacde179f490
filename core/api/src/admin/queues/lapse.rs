use axum::Json;
use axum::extract::{Path, State};
use causeway_router::{Lapsed, Router};
use causeway_store::Position;
use serde::Deserialize;

use super::destination;
use crate::ApiError;
use crate::admin::authorize::Admin;

#[derive(Deserialize)]
pub struct Until {
    /// the present without
    to: Option<i64>,
}

/// `POST /_causeway/admin/v1/queues/{id}/lapse`: what the destination still has to take up to position `to` is not owed
/// any more, its dead letters included, so that it may be purged. Answers how much that was.
pub async fn lapse(
    admin: Admin,
    State(router): State<Router>,
    Path(id): Path<String>,
    Json(until): Json<Until>,
) -> Result<Json<Lapsed>, ApiError> {
    let lapsed = router.lapse(&destination(&id), until.to.map(Position)).await?;
    let Lapsed { until, entries, dead_letters, .. } = lapsed;
    tracing::info!(%admin, destination = id, until, entries, dead_letters, "what waited has lapsed");
    Ok(Json(lapsed))
}
