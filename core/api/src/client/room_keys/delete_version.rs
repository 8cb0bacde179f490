use axum::Json;
use axum::extract::State;
use causeway_hub::keys::Keys;
use ruma::api::client::backup::delete_backup_version::v3::Request;
use serde_json::{Value, json};

use crate::{ApiError, Ruma};

/// `DELETE /_matrix/client/v3/room_keys/version/{version}` (client-server API, "Server-side key backups")
pub async fn delete(
    State(keys): State<Keys>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    keys.delete_backup(&requester.user_id, &request.version).await?;
    Ok(Json(json!({})))
}
