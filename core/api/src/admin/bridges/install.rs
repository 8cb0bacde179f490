use axum::Json;
use causeway_engine::{BridgeView, Install};

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/bridges`: installs a bridge and starts it. The caller has confirmed what the plugin asks for.
pub async fn install(
    admin: Admin,
    engine: Bridges,
    Json(install): Json<Install>,
) -> Result<Json<BridgeView>, ApiError> {
    let view = engine.install(install).await?;
    tracing::info!(%admin, bridge = %view.bridge, sha256 = view.sha256, "bridge installed");
    Ok(Json(view))
}
