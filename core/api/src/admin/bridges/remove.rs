use axum::Json;
use axum::extract::{Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

#[derive(Deserialize)]
pub struct Options {
    #[serde(default)]
    purge: bool,
}

/// `DELETE /_causeway/admin/v1/bridges/{id}?purge=`: its rooms and ghosts stay; `purge` forgets its logins and maps too.
pub async fn remove(
    admin: Admin,
    engine: Bridges,
    Path(id): Path<String>,
    Query(options): Query<Options>,
) -> Result<Json<Value>, ApiError> {
    engine.remove(&id, options.purge).await?;
    tracing::info!(%admin, bridge = id, purge = options.purge, "bridge removed");
    Ok(Json(json!({ "bridge": id })))
}
