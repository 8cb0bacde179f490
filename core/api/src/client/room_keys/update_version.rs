use axum::Json;
use axum::extract::State;
use causeway_hub::keys::Keys;
use ruma::api::client::backup::update_backup_version::v3::Request;
use serde_json::{Value, json};

use super::Version;
use crate::{ApiError, Ruma};

/// `PUT /_matrix/client/v3/room_keys/version/{version}` (client-server API, "Server-side key backups"): only what signs
/// it may change.
pub async fn update(
    State(keys): State<Keys>,
    Ruma { request, requester, body }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let wanted = Version::parse(&body)?;
    if wanted.version.is_some_and(|version| version != request.version) {
        return Err(ApiError::invalid_param("version is not that of the path"));
    }
    let known = keys.backup(&requester.user_id, Some(&request.version)).await?;
    if wanted.algorithm != known.algorithm {
        return Err(ApiError::invalid_param(format!("the algorithm of this version is {}", known.algorithm)));
    }
    keys.set_backup_auth_data(&requester.user_id, &request.version, wanted.auth_data.get()).await?;
    Ok(Json(json!({})))
}
