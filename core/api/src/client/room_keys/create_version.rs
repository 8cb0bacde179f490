use axum::Json;
use axum::extract::State;
use causeway_hub::keys::Keys;
use ruma::api::client::backup::create_backup_version::v3::Request;
use serde_json::{Value, json};

use super::Version;
use crate::{ApiError, Ruma};

/// `POST /_matrix/client/v3/room_keys/version` (client-server API, "Server-side key backups")
pub async fn create(
    State(keys): State<Keys>,
    Ruma { requester, body, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let Version { algorithm, auth_data, .. } = Version::parse(&body)?;
    let version = keys.create_backup(&requester.user_id, &algorithm, auth_data.get()).await?;
    Ok(Json(json!({ "version": version.to_string() })))
}
