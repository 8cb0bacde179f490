use axum::Json;
use axum::extract::State;
use ruma::api::client::session::get_login_token::v1::Request;
use serde_json::{Value, json};

use crate::client::interactive;
use crate::{Api, ApiError, Ruma};

/// `POST /_matrix/client/v1/login/get_token` (client-server API, "Login")
pub async fn get_token(
    State(api): State<Api>,
    Ruma { requester, body, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    interactive::confirm(&api, &requester, &body).await?;
    let (token, life) = api.tokens.make_login_token(&requester.user_id).await?;
    Ok(Json(json!({ "login_token": token, "expires_in_ms": life.as_millis() as u64 })))
}
