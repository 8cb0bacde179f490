use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Named, existing, named};
use crate::admin::authorize::Admin;
use crate::{Api, ApiError};

#[derive(Deserialize)]
struct Body {
    new_password: String,
    #[serde(default = "yes")]
    logout_devices: bool,
}

fn yes() -> bool {
    true
}

/// `POST /_synapse/admin/v1/reset_password/{user_id}`
pub async fn reset_password(
    _: Admin,
    State(api): State<Api>,
    user_id: Named,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let user_id = named(user_id)?;
    let body: Body = serde_json::from_slice(&body)?;
    if existing(&api, &user_id).await?.deactivated {
        return Err(ApiError::bad_request("M_UNKNOWN", format!("{user_id} is deactivated; that can't be taken back")));
    }
    api.accounts.set_password(&user_id, &body.new_password).await?;
    if body.logout_devices {
        api.devices.delete_others(&user_id, None).await?;
    }
    Ok(Json(json!({})))
}
