use axum::Json;
use axum::extract::{Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

#[derive(Deserialize)]
pub struct Options {
    #[serde(default = "default_lines")]
    lines: usize,
}

fn default_lines() -> usize {
    100
}

/// `GET /_causeway/admin/v1/bridges/{id}/logs?lines=`: the last lines of its log, oldest first.
pub async fn logs(
    _: Admin,
    engine: Bridges,
    Path(id): Path<String>,
    Query(options): Query<Options>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "lines": engine.logs(&id, options.lines.min(10_000))? })))
}
