use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use causeway_engine::ProcessView;
use causeway_engine::connector::{Answer, LoginId};
use ruma::OwnedUserId;
use serde::Deserialize;

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

#[derive(Deserialize)]
pub struct Start {
    /// whose login it is to be; default: the admin who asks
    user: Option<OwnedUserId>,
    flow: Option<String>,
    /// a login that is to be renewed
    replaces: Option<LoginId>,
}

/// `POST /_causeway/admin/v1/bridges/{id}/logins`: begins to log in, and answers the first step.
pub async fn start(
    admin: Admin,
    engine: Bridges,
    Path(id): Path<String>,
    Json(start): Json<Start>,
) -> Result<Json<ProcessView>, ApiError> {
    let user = start.user.or(admin.user_id).ok_or_else(|| ApiError::invalid_param("Say whose login it is: user"))?;
    let bridge = engine.bridge(&id)?;
    Ok(Json(bridge.start_login(&user, start.flow.as_deref(), start.replaces.as_ref(), None).await?))
}

/// `GET /_causeway/admin/v1/bridges/{id}/processes/{process}`: where a login stands.
pub async fn step(
    _: Admin,
    engine: Bridges,
    Path((id, process)): Path<(String, String)>,
) -> Result<Json<ProcessView>, ApiError> {
    Ok(Json(engine.bridge(&id)?.login_step(&process)?))
}

/// Not `Debug`: the answers are secrets.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    Fields(BTreeMap<String, String>),
    Webauthn(String),
    /// `{"cancelled": {}}`
    Cancelled {},
}

/// `POST /_causeway/admin/v1/bridges/{id}/processes/{process}`: answers a step, and gets the next.
pub async fn answer(
    _: Admin,
    engine: Bridges,
    Path((id, process)): Path<(String, String)>,
    Json(given): Json<Given>,
) -> Result<Json<ProcessView>, ApiError> {
    let answer = match given {
        Given::Fields(fields) => Answer::Fields(fields.into_iter().collect()),
        Given::Webauthn(answer) => Answer::Webauthn(answer),
        Given::Cancelled {} => Answer::Cancelled,
    };
    Ok(Json(engine.bridge(&id)?.answer_login(&process, answer).await?))
}
