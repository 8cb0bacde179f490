use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_causeway/admin/v1/bridges/{id}/logins`: who is logged in, and how their connections are.
pub async fn logins(_: Admin, engine: Bridges, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "logins": engine.bridge(&id)?.logins() })))
}
