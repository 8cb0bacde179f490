use axum::Json;
use axum::extract::{Path, State};
use causeway_router::{QueueStatus, Router};

use super::destination;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_causeway/admin/v1/queues/{id}`: with the transaction in flight and the exceptions.
pub async fn show(
    _: Admin,
    State(router): State<Router>,
    Path(id): Path<String>,
) -> Result<Json<QueueStatus>, ApiError> {
    Ok(Json(router.queue_show(&destination(&id)).await?))
}
