use axum::Json;
use axum::extract::Path;
use causeway_engine::Face;
use causeway_engine::connector::LoginId;
use serde::Deserialize;
use serde_json::Value;

use super::qr::drawn;
use super::session::Session;
use crate::ApiError;
use crate::admin::bridges::Bridges;

#[derive(Deserialize)]
pub struct Start {
    flow: String,
    /// a login of the user's that is to be renewed
    replaces: Option<LoginId>,
}

/// `POST /_causeway/bridges/networks/{id}/logins`: begins to log in, in place of what was begun before; the first step.
pub async fn start(
    session: Session,
    engine: Bridges,
    Path(id): Path<String>,
    Json(start): Json<Start>,
) -> Result<Json<Value>, ApiError> {
    session.may_act()?;
    let bridge = engine.bridge(&id)?;
    if let Some(login) = &start.replaces {
        bridge.must_own_login(login, &session.user_id)?;
    }
    let view = bridge.start_login(&session.user_id, Some(&start.flow), start.replaces.as_ref(), Face::Page).await?;
    Ok(Json(drawn(view)))
}
