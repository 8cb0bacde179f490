use axum::Json;
use axum::extract::State;
use causeway_hub::keys::Keys;
use causeway_store::KeyBackupRow;
use ruma::api::client::backup::{get_backup_info, get_latest_backup_info};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::changed;
use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/room_keys/version` (client-server API, "Server-side key backups")
pub async fn current(
    State(keys): State<Keys>,
    Ruma { requester, .. }: Ruma<get_latest_backup_info::v3::Request>,
) -> Result<Json<Value>, ApiError> {
    shown(&keys.backup(&requester.user_id, None).await?)
}

/// `GET /_matrix/client/v3/room_keys/version/{version}` (client-server API, "Server-side key backups")
pub async fn named(
    State(keys): State<Keys>,
    Ruma { request, requester, .. }: Ruma<get_backup_info::v3::Request>,
) -> Result<Json<Value>, ApiError> {
    shown(&keys.backup(&requester.user_id, Some(&request.version)).await?)
}

fn shown(backup: &KeyBackupRow) -> Result<Json<Value>, ApiError> {
    let auth_data: Box<RawValue> = serde_json::from_str(&backup.auth_data).map_err(ApiError::internal)?;
    let mut answer = changed(backup);
    answer["algorithm"] = backup.algorithm.as_str().into();
    answer["auth_data"] = json!(auth_data);
    answer["version"] = backup.version.to_string().into();
    Ok(Json(answer))
}
