use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Named, existing, named};
use crate::admin::authorize::Admin;
use crate::client::account::leave_and_deactivate;
use crate::{Api, ApiError};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    /// the profile goes too
    erase: bool,
}

/// `POST /_synapse/admin/v1/deactivate/{user_id}`: the user leaves all rooms and can never log in again.
pub async fn deactivate(
    _: Admin,
    State(api): State<Api>,
    user_id: Named,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let user_id = named(user_id)?;
    let Body { erase } = if body.is_empty() { Body::default() } else { serde_json::from_slice(&body)? };
    existing(&api, &user_id).await?;
    leave_and_deactivate(&api, &user_id, erase).await?;
    Ok(Json(json!({ "id_server_unbind_result": "no-support" })))
}
