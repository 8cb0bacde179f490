use axum::Json;
use axum::extract::State;
use causeway_router::Router;
use serde_json::{Value, json};

use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_causeway/admin/v1/queues`
pub async fn list(_: Admin, State(router): State<Router>) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "queues": router.queue_list().await? })))
}
