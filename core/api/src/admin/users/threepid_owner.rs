use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use causeway_hub::threepids::Threepids;
use serde_json::{Value, json};

use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_synapse/admin/v1/threepid/{medium}/users/{address}`: whose an address is.
pub async fn threepid_owner(
    _: Admin,
    State(threepids): State<Threepids>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let Path((medium, address)) = path.map_err(|error| ApiError::invalid_param(error.body_text()))?;
    match threepids.owner(&medium, &address).await? {
        Some(user_id) => Ok(Json(json!({ "user_id": user_id }))),
        None => Err(ApiError::not_found("User not found")),
    }
}
