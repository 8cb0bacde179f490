use axum::Json;
use axum::extract::{Path, State};
use serde_json::Value;

use super::{describe, existing};
use crate::admin::authorize::Admin;
use crate::{Api, ApiError};

/// `GET /_synapse/admin/v1/registration_tokens/{token}`
pub async fn show(_: Admin, State(api): State<Api>, Path(token): Path<String>) -> Result<Json<Value>, ApiError> {
    Ok(Json(describe(&existing(&api, &token).await?)))
}
