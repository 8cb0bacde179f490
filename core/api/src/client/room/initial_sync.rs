use axum::Json;
use axum::extract::{Query, State};
use causeway_hub::directory::Directory;
use causeway_hub::rooms::{Rooms, membership_of};
use causeway_hub::sync::Sync;
use causeway_hub::timelines::{Form, PageRequest, Timelines, client_state};
use ruma::OwnedRoomId;
use ruma::api::auth_scheme::AccessToken;
use ruma::api::client::filter::RoomEventFilter;
use serde_json::{Value, json};

use super::{not_in, viewer};
use crate::client::sync::{Parameters, beside};
use crate::{ApiError, Unparsed};

/// `GET /_matrix/client/v3/rooms/{roomId}/initialSync` (client-server API, "Room Previews"): a room's state and newest
/// messages, also for somebody who is not in it where it is world-readable
pub async fn initial_sync(
    State(sync): State<Sync>,
    State(rooms): State<Rooms>,
    State(timelines): State<Timelines>,
    State(directory): State<Directory>,
    Query(parameters): Query<Parameters>,
    Unparsed { requester, params, .. }: Unparsed<AccessToken>,
) -> Result<Json<Value>, ApiError> {
    let room_id = params.first().map(String::as_str).unwrap_or_default();
    let room_id = OwnedRoomId::try_from(room_id).map_err(|_| ApiError::invalid_param("the path names no room's id"))?;
    // Before the room is read, so that a stream from there on misses nothing.
    let now = sync.now(&requester.user_id).await?;
    let room = rooms.snapshot(&room_id).await.map_err(not_in)?;
    timelines.must_have_been_in(&room, &requester.user_id).await?;
    let state = timelines.known_state(&room, &requester.user_id).await?;
    let membership = state.get("m.room.member", requester.user_id.as_str()).map(|member| membership_of(member));
    let state = state.iter().map(|pdu| client_state(pdu, &room, Form::Whole)).collect::<Result<Vec<_>, _>>()?;
    let filter = RoomEventFilter::default();
    let page =
        PageRequest { from: None, to: None, backward: true, limit: parameters.limit() as usize, filter: &filter };
    let page = timelines.page(&room, viewer(&requester), &page).await?;
    let chunk: Vec<_> = page.chunk.iter().rev().collect();
    let start = page.end.unwrap_or(page.start).to_string();
    let visibility = directory.visibility(&room_id).await?;
    let beside = beside(&sync, &requester, &room_id).await?;
    let mut answer = json!({
        "room_id": room_id, "state": state, "visibility": visibility,
        "messages": { "start": start, "end": now.to_string(), "chunk": chunk },
        "account_data": beside.account_data, "receipts": beside.receipts,
        "presence": beside.presence_of(|user_id| room.is_joined(user_id)),
    });
    if let Some(membership) = membership {
        answer["membership"] = json!(membership);
    }
    Ok(Json(answer))
}
