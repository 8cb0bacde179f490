use axum::Json;
use axum::extract::State;
use causeway_hub::tokens::Tokens;
use ruma::api::client::session::refresh_token::v3::Request;
use serde_json::{Value, json};

use crate::{ApiError, Ruma};

/// `POST /_matrix/client/v3/refresh` (client-server API, "Refreshing access tokens")
pub async fn refresh(
    State(tokens): State<Tokens>,
    Ruma { request, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let Some(new) = tokens.refresh(&request.refresh_token).await? else {
        return Err(ApiError::unknown_token(false));
    };
    let mut answer = json!({ "access_token": new.access });
    if let (Some(refresh), Some(life)) = (new.refresh, new.expires_in) {
        answer["refresh_token"] = refresh.into();
        answer["expires_in_ms"] = (life.as_millis() as u64).into();
    }
    Ok(Json(answer))
}
