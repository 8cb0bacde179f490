use std::sync::Arc;

use axum::extract::State;
use ruma::api::client::discovery::discover_homeserver::{HomeserverInfo, Request, Response};

use crate::{Answer, ApiError, Config, Ruma};

/// `GET /.well-known/matrix/client` (client-server API, "Well-known URI")
pub async fn client(State(config): State<Arc<Config>>, _: Ruma<Request>) -> Result<Answer<Response>, ApiError> {
    match &config.public_baseurl {
        Some(url) => Ok(Answer(Response::new(HomeserverInfo::new(url.clone())))),
        None => Err(ApiError::not_found("public_baseurl is not configured")),
    }
}
