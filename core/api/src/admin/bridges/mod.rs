//! `/_causeway/admin/v1/bridges`: bridges and their logins, changed while the hub runs.

mod available;
mod chat;
mod config;
mod configure;
mod disable;
mod enable;
mod install;
mod list;
pub(crate) mod login;
mod logins;
mod logout;
mod logs;
mod remove;
mod show;
mod state;
mod trace;
mod upgrade;

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::{delete, get, post};
use causeway_engine::connector::CallError;
use causeway_engine::host::PluginError;
use causeway_engine::matrix::MatrixError;
use causeway_engine::{Engine, EngineError};

use crate::{Api, ApiError, Routes};

pub(super) fn routes(routes: Routes) -> Routes {
    let base = "/_causeway/admin/v1/bridges";
    routes
        .route(base, get(list::list).post(install::install))
        .route("/_causeway/admin/v1/plugins", get(available::available))
        .route("/_causeway/admin/v1/plugins/find", post(available::find))
        .route(&format!("{base}/{{id}}"), get(show::show).delete(remove::remove))
        .route(&format!("{base}/{{id}}/config"), get(config::config).post(configure::configure))
        .route(&format!("{base}/{{id}}/enable"), post(enable::enable))
        .route(&format!("{base}/{{id}}/disable"), post(disable::disable))
        .route(&format!("{base}/{{id}}/upgrade"), post(upgrade::upgrade))
        .route(&format!("{base}/{{id}}/logs"), get(logs::logs))
        .route(&format!("{base}/{{id}}/chat"), post(chat::chat))
        .route(&format!("{base}/{{id}}/logins"), get(logins::logins).post(login::start))
        .route(&format!("{base}/{{id}}/trace/{{message}}"), get(trace::trace))
        .route(&format!("{base}/{{id}}/state"), get(state::state))
        .route(&format!("{base}/{{id}}/logins/{{login}}"), delete(logout::logout))
        .route(&format!("{base}/{{id}}/processes/{{process}}"), get(login::step).post(login::answer))
}

/// The engine of this process; the binary puts it into the extensions of every request.
pub(crate) struct Bridges(Arc<Engine>);

impl Deref for Bridges {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.0
    }
}

impl FromRequestParts<Api> for Bridges {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        let engine = parts.extensions.get::<Arc<Engine>>().cloned();
        engine
            .map(Self)
            .ok_or_else(|| ApiError::not_found("This process runs no bridges; ask one with the role bridges"))
    }
}

impl OptionalFromRequestParts<Api> for Bridges {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Option<Self>, ApiError> {
        Ok(parts.extensions.get::<Arc<Engine>>().cloned().map(Self))
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        let text = error.to_string();
        match error {
            EngineError::NotFound(_) | EngineError::Plugin(PluginError::NotFound(_)) => Self::not_found(text),
            EngineError::Taken(_) => Self::new(StatusCode::CONFLICT, "M_EXCLUSIVE", text),
            EngineError::Disabled(_) => Self::new(StatusCode::CONFLICT, "M_UNKNOWN", text),
            EngineError::Forbidden(..) => Self::forbidden(text),
            EngineError::Invalid(_)
            | EngineError::Plugin(_)
            | EngineError::Remote(_)
            | EngineError::Call(CallError::Remote(_))
            | EngineError::Matrix(MatrixError::Refused(_)) => Self::bad_request("M_INVALID_PARAM", text),
            EngineError::Call(_) => Self::new(StatusCode::BAD_GATEWAY, "M_UNKNOWN", text),
            EngineError::Matrix(error) => Self::internal(error),
        }
    }
}
