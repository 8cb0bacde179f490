use axum::Json;
use axum::extract::{Path, State};
use causeway_router::Router;
use serde_json::{Value, json};

use super::destination;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_causeway/admin/v1/queues/{id}/dead`: what it could not take, with the reasons.
pub async fn dead(_: Admin, State(router): State<Router>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "dead_letters": router.dead_letters(&destination(&id)).await? })))
}
