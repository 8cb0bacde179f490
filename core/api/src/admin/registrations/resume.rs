use axum::Json;
use axum::extract::{Path, State};
use causeway_router::{QueueStatus, Router, destination_id};

use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/registrations/{id}/resume`: its queue goes on where it was held.
pub async fn resume(
    admin: Admin,
    State(router): State<Router>,
    Path(id): Path<String>,
) -> Result<Json<QueueStatus>, ApiError> {
    let queue = destination_id(&id);
    router.resume(&queue).await?;
    tracing::info!(%admin, registration = id, "registration resumed");
    Ok(Json(router.queue_show(&queue).await?))
}
