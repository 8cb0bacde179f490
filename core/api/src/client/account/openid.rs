use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use causeway_hub::tokens::{OPENID_LIFE, Tokens};
use ruma::api::client::account::request_openid_token::v3::Request;
use serde_json::{Value, json};

use crate::{ApiError, Config, Ruma};

/// `POST /_matrix/client/v3/user/{userId}/openid/request_token` (client-server API, "OpenID")
pub async fn request_token(
    State(config): State<Arc<Config>>,
    State(tokens): State<Tokens>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    requester.must_be(&request.user_id)?;
    let token = tokens.make_openid_token(&requester.user_id).await?;
    Ok(Json(json!({
        "access_token": token,
        "token_type": "Bearer",
        "matrix_server_name": config.server_name,
        "expires_in": OPENID_LIFE.as_secs(),
    })))
}
