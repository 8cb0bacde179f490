use axum::Json;
use serde_json::{Value, json};

use super::Bridges;
use crate::admin::authorize::Admin;

/// `GET /_causeway/admin/v1/bridges`: all bridges.
pub async fn list(_: Admin, engine: Bridges) -> Json<Value> {
    Json(json!({ "bridges": engine.list() }))
}
