use axum::Json;
use axum::extract::{Path, State};
use causeway_router::{QueueStatus, Registrations, Router, destination_id};

use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/registrations/{id}/pause`: holds its queue until it is resumed; nothing is lost.
pub async fn pause(
    admin: Admin,
    State(registrations): State<Registrations>,
    State(router): State<Router>,
    Path(id): Path<String>,
) -> Result<Json<QueueStatus>, ApiError> {
    let queue = destination_id(&id);
    router.pause(&queue).await?;
    registrations.acting_for(&admin.to_string()).note("pause", &id, "").await?;
    tracing::info!(%admin, registration = id, "registration paused");
    Ok(Json(router.queue_show(&queue).await?))
}
