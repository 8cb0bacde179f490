use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::session::{Session, set_cookie};
use crate::{Api, ApiError};

/// `DELETE /_causeway/bridges/session`: signs the Matrix user out of the page; the networks stay logged in.
pub async fn log_out(State(api): State<Api>, session: Session, parts: Parts) -> Result<Response, ApiError> {
    api.devices.delete(&session.user_id, &[session.device_id]).await?;
    Ok(([(header::SET_COOKIE, set_cookie(&parts, &api, None))], Json(json!({}))).into_response())
}
