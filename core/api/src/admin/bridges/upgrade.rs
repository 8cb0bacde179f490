use axum::Json;
use axum::extract::Path;
use causeway_engine::BridgeView;

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/bridges/{id}/upgrade`: pins the component as it is now, and runs that.
pub async fn upgrade(admin: Admin, engine: Bridges, Path(id): Path<String>) -> Result<Json<BridgeView>, ApiError> {
    let view = engine.upgrade(&id).await?;
    tracing::info!(%admin, bridge = id, "bridge upgraded");
    Ok(Json(view))
}
