use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Named, existing, named};
use crate::admin::authorize::Admin;
use crate::{Api, ApiError};

/// `GET /_synapse/admin/v1/users/{user_id}/admin`
pub async fn get(_: Admin, State(api): State<Api>, user_id: Named) -> Result<Json<Value>, ApiError> {
    let user_id = named(user_id)?;
    Ok(Json(json!({ "admin": existing(&api, &user_id).await?.admin })))
}

#[derive(Deserialize)]
struct Body {
    admin: bool,
}

/// `PUT /_synapse/admin/v1/users/{user_id}/admin`
pub async fn put(_: Admin, State(api): State<Api>, user_id: Named, body: Bytes) -> Result<Json<Value>, ApiError> {
    let user_id = named(user_id)?;
    let Body { admin } = serde_json::from_slice(&body)?;
    existing(&api, &user_id).await?;
    api.accounts.set_admin(&user_id, admin).await?;
    Ok(Json(json!({})))
}
