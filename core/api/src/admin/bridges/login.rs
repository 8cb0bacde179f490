use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use causeway_engine::connector::{Answer, LoginId};
use causeway_engine::{Face, ProcessView};
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
    Ok(Json(bridge.start_login(&user, start.flow.as_deref(), start.replaces.as_ref(), Face::Command).await?))
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
pub(crate) enum Given {
    Fields(BTreeMap<String, String>),
    Webauthn(String),
    /// `{"cancelled": {}}`
    Cancelled {},
}

impl From<Given> for Answer {
    fn from(given: Given) -> Self {
        match given {
            Given::Fields(fields) => Self::Fields(fields.into_iter().collect()),
            Given::Webauthn(answer) => Self::Webauthn(answer),
            Given::Cancelled {} => Self::Cancelled,
        }
    }
}

/// `POST /_causeway/admin/v1/bridges/{id}/processes/{process}`: answers a step, and gets the next.
pub(crate) async fn answer(
    _: Admin,
    engine: Bridges,
    Path((id, process)): Path<(String, String)>,
    Json(given): Json<Given>,
) -> Result<Json<ProcessView>, ApiError> {
    Ok(Json(engine.bridge(&id)?.answer_login(&process, given.into()).await?))
}
