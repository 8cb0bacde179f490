use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Response, header};
use axum::response::{Html, IntoResponse as _};

use crate::{ApiError, Config};

/// `GET /_matrix/consent`: the terms that `m.login.terms` names. Of an older version, too, the newest are shown.
pub async fn terms(State(config): State<Arc<Config>>) -> Result<Response<Body>, ApiError> {
    let Some(terms) = &config.terms else { return Err(ApiError::not_found("this server has no terms")) };
    let mut response = Html(terms.page().map_err(ApiError::internal)?).into_response();
    let policy = "default-src 'none'; style-src 'unsafe-inline' 'self'; img-src 'self' https: data:";
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    Ok(response)
}
