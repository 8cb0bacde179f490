use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::existing;
use crate::admin::authorize::Admin;
use crate::{Api, ApiError};

/// `DELETE /_synapse/admin/v1/registration_tokens/{token}`
pub async fn delete(_: Admin, State(api): State<Api>, Path(token): Path<String>) -> Result<Json<Value>, ApiError> {
    existing(&api, &token).await?;
    api.accounts.delete_registration_token(&token).await?;
    Ok(Json(json!({})))
}
