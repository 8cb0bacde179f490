use axum::Json;
use axum::extract::Path;
use causeway_engine::BridgeView;

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/bridges/{id}/enable`: starts the bridge and connects its logins.
pub async fn enable(admin: Admin, engine: Bridges, Path(id): Path<String>) -> Result<Json<BridgeView>, ApiError> {
    let view = engine.enable(&id).await?;
    tracing::info!(%admin, bridge = id, "bridge enabled");
    Ok(Json(view))
}
