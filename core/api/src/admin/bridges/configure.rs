use axum::Json;
use axum::extract::Path;
use causeway_engine::{Configure, Configured};

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/bridges/{id}/config`: changes a bridge's config while it runs. `config` comes in the place of
/// the present one, `set` is merged into it (`null` takes a key away); `(hidden)` for a secret leaves it as it is. With
/// `plan` nothing is changed. The caller has confirmed what the bridge may reach with it: `grant`, where that is something
/// else than before.
pub async fn configure(
    admin: Admin,
    engine: Bridges,
    Path(id): Path<String>,
    Json(change): Json<Configure>,
) -> Result<Json<Configured>, ApiError> {
    let is_plan = change.plan;
    let configured = engine.configure(&id, change, &admin.to_string()).await?;
    if !is_plan {
        tracing::info!(%admin, bridge = id, changed = ?configured.changed, "bridge configured");
    }
    Ok(Json(configured))
}
