use axum::Json;
use axum::extract::Path;
use causeway_engine::{Bridge, EngineError};
use ruma::UserId;
use serde_json::Value;

use super::qr::drawn;
use super::session::Session;
use crate::ApiError;
use crate::admin::bridges::Bridges;

/// `GET /_causeway/bridges/networks/{id}/processes/{process}`: where a login stands that waits for the network.
pub async fn step(
    session: Session,
    engine: Bridges,
    Path((id, process)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let bridge = engine.bridge(&id)?;
    must_own(&bridge, &process, &session.user_id)?;
    Ok(Json(drawn(bridge.login_step(&process)?)))
}

/// Somebody else's process is as good as none.
pub(super) fn must_own(bridge: &Bridge, process: &str, user_id: &UserId) -> Result<(), ApiError> {
    match bridge.is_own_process(process, user_id) {
        true => Ok(()),
        false => Err(EngineError::NotFound(format!("login process {process}")).into()),
    }
}
