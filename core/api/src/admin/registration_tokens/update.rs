use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde_json::{Map, Value};

use super::{checked, describe, existing};
use crate::admin::authorize::Admin;
use crate::{Api, ApiError};

/// `PUT /_synapse/admin/v1/registration_tokens/{token}`: a key that is absent stays, null takes the limit away.
pub async fn update(
    _: Admin,
    State(api): State<Api>,
    Path(token): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let body: Map<String, Value> = serde_json::from_slice(&body)?;
    let before = existing(&api, &token).await?;
    let value = |key: &str, before: Option<i64>| match body.get(key) {
        None => Ok(before),
        Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(number) => Ok(Some(number)),
            None => Err(ApiError::invalid_param(format!("{key} must be a whole number or null"))),
        },
    };
    let uses_allowed = value("uses_allowed", before.uses_allowed)?;
    let expires = value("expiry_time", before.expires)?;
    checked(uses_allowed, expires.filter(|_| body.contains_key("expiry_time")))?;
    api.accounts.put_registration_token(&token, uses_allowed, expires).await?;
    Ok(Json(describe(&existing(&api, &token).await?)))
}
