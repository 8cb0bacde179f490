use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_causeway/admin/v1/bridges/{id}`: one bridge with its logins and the last of what it had to give up.
pub async fn show(_: Admin, engine: Bridges, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let bridge = engine.bridge(&id)?;
    let mut view = json!(bridge.view());
    view["logins"] = json!(bridge.logins());
    view["dead_letters"] = json!(bridge.dead_letters().await?);
    Ok(Json(view))
}
