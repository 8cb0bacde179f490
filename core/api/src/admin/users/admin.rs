use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use causeway_hub::accounts::Accounts;
use ruma::OwnedUserId;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_synapse/admin/v1/users/{user_id}/admin`
pub async fn get(
    _: Admin,
    State(accounts): State<Accounts>,
    user_id: Result<Path<OwnedUserId>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let user_id = named(user_id)?;
    match accounts.get(&user_id).await? {
        Some(account) => Ok(Json(json!({ "admin": account.admin }))),
        None => Err(ApiError::not_found(format!("there is no user {user_id}"))),
    }
}

#[derive(Deserialize)]
struct Body {
    admin: bool,
}

/// `PUT /_synapse/admin/v1/users/{user_id}/admin`
pub async fn put(
    _: Admin,
    State(accounts): State<Accounts>,
    user_id: Result<Path<OwnedUserId>, PathRejection>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let user_id = named(user_id)?;
    let Body { admin } = serde_json::from_slice(&body)?;
    if accounts.get(&user_id).await?.is_none() {
        return Err(ApiError::not_found(format!("there is no user {user_id}")));
    }
    accounts.set_admin(&user_id, admin).await?;
    Ok(Json(json!({})))
}

fn named(user_id: Result<Path<OwnedUserId>, PathRejection>) -> Result<OwnedUserId, ApiError> {
    let Path(user_id) = user_id.map_err(|error| ApiError::invalid_param(error.body_text()))?;
    Ok(user_id)
}
