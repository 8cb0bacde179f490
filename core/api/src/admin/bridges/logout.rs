use axum::Json;
use axum::extract::Path;
use causeway_engine::connector::LoginId;
use serde_json::{Value, json};

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `DELETE /_causeway/admin/v1/bridges/{id}/logins/{login}`: ends a login for good.
pub async fn logout(
    admin: Admin,
    engine: Bridges,
    Path((id, login)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    engine.bridge(&id)?.logout(&LoginId(login.clone())).await?;
    tracing::info!(%admin, bridge = id, login, "logged out");
    Ok(Json(json!({ "login": login })))
}
