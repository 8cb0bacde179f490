use axum::Json;
use axum::extract::State;
use ruma::api::client::admin::{is_user_suspended, suspend_user};
use serde_json::{Value, json};

use super::{account, changeable};
use crate::{Api, ApiError, Ruma};

/// `GET /_matrix/client/v1/admin/suspend/{userId}` (client-server API, "Account suspension")
pub async fn get(
    State(api): State<Api>,
    Ruma { request, requester, .. }: Ruma<is_user_suspended::v1::Request>,
) -> Result<Json<Value>, ApiError> {
    let account = account(&api, &requester, &request.user_id).await?;
    Ok(Json(json!({ "suspended": account.suspended })))
}

/// `PUT /_matrix/client/v1/admin/suspend/{userId}` (client-server API, "Account suspension")
pub async fn set(
    State(api): State<Api>,
    Ruma { request, requester, .. }: Ruma<suspend_user::v1::Request>,
) -> Result<Json<Value>, ApiError> {
    changeable(&api, &requester, &request.user_id).await?;
    api.accounts.set_suspended(&request.user_id, request.suspended).await?;
    Ok(Json(json!({ "suspended": request.suspended })))
}
