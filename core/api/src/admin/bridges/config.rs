use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_causeway/admin/v1/bridges/{id}/config`: a bridge's whole config; `(hidden)` stands for each secret.
pub async fn config(_: Admin, engine: Bridges, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({"config": engine.bridge(&id)?.shown_config()})))
}
