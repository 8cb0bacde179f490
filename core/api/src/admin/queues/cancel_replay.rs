use axum::Json;
use axum::extract::{Path, State};
use causeway_router::Router;
use serde_json::{Value, json};

use super::destination;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `DELETE /_causeway/admin/v1/queues/{id}/replay`: ends the replay that is under way.
pub async fn cancel_replay(
    admin: Admin,
    State(router): State<Router>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    router.cancel_replay(&destination(&id)).await?;
    tracing::info!(%admin, destination = id, "replay cancelled");
    Ok(Json(json!({})))
}
