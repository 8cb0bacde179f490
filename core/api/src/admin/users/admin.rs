use axum::Json;
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
    Path(user_id): Path<OwnedUserId>,
) -> Result<Json<Value>, ApiError> {
    match accounts.get(&user_id).await? {
        Some(account) => Ok(Json(json!({ "admin": account.admin }))),
        None => Err(ApiError::not_found(format!("there is no user {user_id}"))),
    }
}

#[derive(Deserialize)]
pub struct Body {
    admin: bool,
}

/// `PUT /_synapse/admin/v1/users/{user_id}/admin`
pub async fn put(
    _: Admin,
    State(accounts): State<Accounts>,
    Path(user_id): Path<OwnedUserId>,
    Json(Body { admin }): Json<Body>,
) -> Result<Json<Value>, ApiError> {
    if accounts.get(&user_id).await?.is_none() {
        return Err(ApiError::not_found(format!("there is no user {user_id}")));
    }
    accounts.set_admin(&user_id, admin).await?;
    Ok(Json(json!({})))
}
