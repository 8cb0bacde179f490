use axum::Json;
use axum::extract::State;
use causeway_hub::sync::{Sync, SyncToken};
use ruma::api::client::keys::get_key_changes::v3::Request;
use serde_json::{Value, json};

use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/keys/changes` (client-server API, "Key management API"): of those who share a room, and of
/// those who do no more.
pub async fn changes(
    State(sync): State<Sync>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let (from, to) = (request.from.parse::<SyncToken>()?, request.to.parse::<SyncToken>()?);
    let lists = sync.device_lists(&requester.user_id, from, to).await?;
    Ok(Json(json!({ "changed": lists.changed, "left": lists.left })))
}
