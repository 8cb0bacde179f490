use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use causeway_hub::time::now_ms;
use serde::Deserialize;
use serde_json::{Value, json};

use super::describe;
use crate::admin::authorize::Admin;
use crate::{Api, ApiError};

#[derive(Deserialize)]
pub struct Parameters {
    /// only those that can be used, or only those that can't
    valid: Option<bool>,
}

/// `GET /_synapse/admin/v1/registration_tokens`
pub async fn list(
    _: Admin,
    State(api): State<Api>,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(Parameters { valid }) = parameters.map_err(|error| ApiError::invalid_param(error.body_text()))?;
    let now = now_ms();
    let rows = api.accounts.registration_tokens().await?;
    let shown = rows.iter().filter(|row| valid.is_none_or(|valid| row.is_valid(now) == valid)).map(describe);
    Ok(Json(json!({ "registration_tokens": shown.collect::<Vec<_>>() })))
}
