use axum::Json;
use axum::extract::State;
use ruma::api::client::admin::{is_user_locked, lock_user};
use serde_json::{Value, json};

use super::{account, changeable};
use crate::{Api, ApiError, Ruma};

/// `GET /_matrix/client/v1/admin/lock/{userId}` (client-server API, "Account locking")
pub async fn get(
    State(api): State<Api>,
    Ruma { request, requester, .. }: Ruma<is_user_locked::v1::Request>,
) -> Result<Json<Value>, ApiError> {
    let account = account(&api, &requester, &request.user_id).await?;
    Ok(Json(json!({ "locked": account.locked })))
}

/// `PUT /_matrix/client/v1/admin/lock/{userId}` (client-server API, "Account locking")
pub async fn set(
    State(api): State<Api>,
    Ruma { request, requester, .. }: Ruma<lock_user::v1::Request>,
) -> Result<Json<Value>, ApiError> {
    changeable(&api, &requester, &request.user_id).await?;
    api.accounts.set_locked(&request.user_id, request.locked).await?;
    Ok(Json(json!({ "locked": request.locked })))
}
