use axum::Json;
use axum::extract::Path;
use causeway_engine::StateView;

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_causeway/admin/v1/bridges/{id}/state`: how the bridge and each of its logins are, in the form and the words in
/// which mautrix bridges report their bridge state.
pub async fn state(_: Admin, engine: Bridges, Path(id): Path<String>) -> Result<Json<StateView>, ApiError> {
    Ok(Json(engine.bridge(&id)?.bridge_state()))
}
