//! `GET /_matrix/client/v3/events`: what has happened, as one flat list. For clients from before `/sync`, and for
//! looking into a room without joining it.

use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use causeway_hub::rooms::Rooms;
use causeway_hub::sync::{PeekRequest, Sync};
use causeway_hub::timelines::{Form, client_state};
use ruma::OwnedRoomId;
use ruma::api::auth_scheme::AccessToken;
use ruma::api::client::sync::sync_events::v3;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::initial_sync::{event_of_room, everything};
use crate::client::room::{not_in, viewer};
use crate::{ApiError, Requester, Unparsed};

/// Where the client doesn't say how long it waits.
const WAIT: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
pub struct Parameters {
    from: Option<String>,
    /// milliseconds
    timeout: Option<u64>,
    /// only of this room, which need not be one's own
    room_id: Option<OwnedRoomId>,
}

/// Client-server API, "Listening on the event stream" of r0.6 and "Room Previews"
pub async fn events(
    State(sync): State<Sync>,
    State(rooms): State<Rooms>,
    Query(parameters): Query<Parameters>,
    Unparsed { requester, .. }: Unparsed<AccessToken>,
) -> Result<Json<Value>, ApiError> {
    let timeout = parameters.timeout.map_or(WAIT, Duration::from_millis);
    let since = match parameters.from.as_deref().filter(|from| !from.is_empty()) {
        Some(from) => from.parse()?,
        None => sync.now(&requester.user_id).await?,
    };
    if let Some(room_id) = &parameters.room_id {
        let request = PeekRequest { viewer: viewer(&requester), room_id, since, timeout };
        let peeked = sync.peek(&request).await.map_err(not_in)?;
        return Ok(Json(json!({ "start": since.to_string(), "chunk": peeked.chunk, "end": peeked.end.to_string() })));
    }
    let synced = sync.sync(&everything(&requester, Some(since), timeout, 1_000)).await?;
    let end = synced.next_batch.clone();
    Ok(Json(json!({ "start": since.to_string(), "chunk": flat(&rooms, &requester, synced).await?, "end": end })))
}

/// All that an answer to `/sync` has of events, those of rooms with their room's id.
async fn flat(rooms: &Rooms, requester: &Requester, synced: v3::Response) -> Result<Vec<Box<RawValue>>, ApiError> {
    let mut chunk: Vec<Box<RawValue>> = synced.presence.events.into_iter().map(|event| event.into_json()).collect();
    for room_id in synced.rooms.invite.keys().chain(synced.rooms.knock.keys()) {
        let room = rooms.snapshot(room_id).await?;
        if let Some(own) = room.state().get("m.room.member", requester.user_id.as_str()) {
            chunk.push(client_state(&own.pdu, &room, Form::Whole)?);
        }
    }
    for (room_id, room) in synced.rooms.join {
        for event in &room.timeline.events {
            chunk.push(event_of_room(event.json(), &room_id)?);
        }
        for event in &room.ephemeral.events {
            chunk.push(event_of_room(event.json(), &room_id)?);
        }
    }
    for (room_id, room) in synced.rooms.leave {
        for event in &room.timeline.events {
            chunk.push(event_of_room(event.json(), &room_id)?);
        }
    }
    Ok(chunk)
}
