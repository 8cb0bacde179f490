use axum::Json;
use axum::extract::Path;
use causeway_engine::connector::LoginId;
use serde_json::{Value, json};

use super::session::Session;
use crate::ApiError;
use crate::admin::bridges::Bridges;

/// `DELETE /_causeway/bridges/networks/{id}/logins/{login}`: logs the user out of the network for good.
pub async fn unlink(
    session: Session,
    engine: Bridges,
    Path((id, login)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let (bridge, login) = (engine.bridge(&id)?, LoginId(login));
    bridge.must_own_login(&login, &session.user_id)?;
    bridge.logout(&login).await?;
    tracing::info!(user = %session.user_id, bridge = id, %login, "logged out on the page");
    Ok(Json(json!({})))
}
