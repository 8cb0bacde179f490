use axum::Json;
use axum::extract::Path;
use causeway_engine::BridgeView;

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/bridges/{id}/disable`: stops the bridge; its queues wait.
pub async fn disable(admin: Admin, engine: Bridges, Path(id): Path<String>) -> Result<Json<BridgeView>, ApiError> {
    let view = engine.disable(&id).await?;
    tracing::info!(%admin, bridge = id, "bridge disabled");
    Ok(Json(view))
}
