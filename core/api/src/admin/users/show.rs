use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::{Named, describe_whole, existing, named};
use crate::admin::authorize::Admin;
use crate::{Api, ApiError};

/// `GET /_synapse/admin/v2/users/{user_id}`
pub async fn show(_: Admin, State(api): State<Api>, user_id: Named) -> Result<Json<Value>, ApiError> {
    let account = existing(&api, &named(user_id)?).await?;
    Ok(Json(describe_whole(&api, &account).await?))
}
