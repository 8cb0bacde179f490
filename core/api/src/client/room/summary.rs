use axum::Json;
use axum::extract::State;
use causeway_hub::aliases::Aliases;
use causeway_hub::directory::Directory;
use ruma::api::client::room::get_summary::v1::Request;
use serde_json::Value;

use crate::client::membership::resolve;
use crate::{ApiError, Ruma};

/// Before the proposal had its own name for it.
pub const OLDER_PATH: &str = "/_matrix/client/unstable/im.nheko.summary/summary/{room_id_or_alias}";

/// `GET /_matrix/client/v1/room_summary/{roomIdOrAlias}` (client-server API, "Room summary"), also without a token
pub async fn summary(
    State(aliases): State<Aliases>,
    State(directory): State<Directory>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let room_id = resolve(&aliases, &request.room_id_or_alias).await?;
    let user_id = requester.as_ref().map(|requester| &*requester.user_id);
    Ok(Json(directory.summary(&room_id, user_id).await?))
}
