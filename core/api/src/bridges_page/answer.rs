use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use super::qr::drawn;
use super::session::Session;
use super::step::must_own;
use crate::ApiError;
use crate::admin::bridges::Bridges;
use crate::admin::bridges::login::Given;

/// `POST /_causeway/bridges/networks/{id}/processes/{process}`: answers a step, and gets the next. After a refusal the step
/// can be answered again.
pub(crate) async fn answer(
    session: Session,
    engine: Bridges,
    Path((id, process)): Path<(String, String)>,
    Json(given): Json<Given>,
) -> Result<Json<Value>, ApiError> {
    let bridge = engine.bridge(&id)?;
    must_own(&bridge, &process, &session.user_id)?;
    if matches!(given, Given::Cancelled {}) {
        // The process is gone, whatever the connector says to it.
        if let Err(error) = bridge.answer_login(&process, given.into()).await {
            tracing::debug!(bridge = id, %error, "a cancelled login");
        }
        return Ok(Json(json!({})));
    }
    session.may_act()?;
    Ok(Json(drawn(bridge.answer_login(&process, given.into()).await?)))
}
