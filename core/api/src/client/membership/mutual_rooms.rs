use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use causeway_hub::rooms::Rooms;
use ruma::api::client::membership::get_mutual_rooms;
use ruma::{OwnedRoomId, UserId};
use serde_json::{Value, json};

use crate::{ApiError, Requester, Ruma};

/// `GET /_matrix/client/v1/mutual_rooms` (client-server API, "Mutual rooms")
pub async fn stable(
    State(rooms): State<Rooms>,
    Ruma { request, requester, .. }: Ruma<get_mutual_rooms::v1::Request>,
) -> Result<Json<Value>, ApiError> {
    shared(&rooms, &requester, &request.user_id, request.from.as_deref()).await
}

/// `GET /_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms`
pub async fn unstable(
    State(rooms): State<Rooms>,
    Ruma { request, requester, .. }: Ruma<get_mutual_rooms::unstable::Request>,
) -> Result<Json<Value>, ApiError> {
    shared(&rooms, &requester, &request.user_id, request.from.as_deref()).await
}

/// All of them at once, so there is no token to go on from.
async fn shared(
    rooms: &Rooms,
    requester: &Requester,
    other: &UserId,
    from: Option<&str>,
) -> Result<Json<Value>, ApiError> {
    if requester.user_id == other {
        return Err(ApiError::invalid_param("user_id is the requester's own"));
    }
    if from.is_some() {
        return Err(ApiError::invalid_param("from is not a token of this server"));
    }
    let mine: HashSet<OwnedRoomId> = rooms.joined_rooms(&requester.user_id).await?.into_iter().collect();
    let theirs = rooms.joined_rooms(other).await?;
    let joined: Vec<_> = theirs.into_iter().filter(|room_id| mine.contains(room_id)).collect();
    Ok(Json(json!({ "joined": joined, "count": joined.len() })))
}
