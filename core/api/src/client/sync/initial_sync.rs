//! `GET /_matrix/client/v3/initialSync`: all rooms at once, for clients from before `/sync`.

use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use causeway_hub::directory::Directory;
use causeway_hub::rooms::Rooms;
use causeway_hub::sync::{Sync, SyncRequest, SyncToken};
use causeway_hub::timelines::{Form, client_state};
use ruma::api::auth_scheme::AccessToken;
use ruma::api::client::filter::FilterDefinition;
use ruma::api::client::sync::sync_events::v3;
use ruma::events::AnyRoomAccountDataEvent;
use ruma::events::presence::PresenceEvent;
use ruma::presence::PresenceState;
use ruma::serde::Raw;
use ruma::{OwnedUserId, RoomId, UInt, UserId};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use crate::{ApiError, Requester, Unparsed};

/// Events of a room where the client doesn't say.
const LIMIT: u32 = 10;

#[derive(Deserialize)]
pub struct Parameters {
    limit: Option<u32>,
    /// rooms that the user has left, too
    #[serde(default)]
    archived: bool,
}

impl Parameters {
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(LIMIT).clamp(1, 1_000)
    }
}

/// Client-server API, "Getting the latest events" of r0.6
pub async fn initial_sync(
    State(sync): State<Sync>,
    State(rooms): State<Rooms>,
    State(directory): State<Directory>,
    Query(parameters): Query<Parameters>,
    Unparsed { requester, .. }: Unparsed<AccessToken>,
) -> Result<Json<Value>, ApiError> {
    let mut request = everything(&requester, None, Duration::ZERO, parameters.limit());
    request.filter.room.include_leave = parameters.archived;
    let synced = sync.sync(&request).await?;
    let mut shown = Vec::new();
    for (room_id, room) in &synced.rooms.join {
        let mut entry = of_room("join", room_id, &room.timeline, &room.state, &synced.next_batch)?;
        entry["account_data"] = json!(room.account_data.events);
        shown.push((room_id, entry));
    }
    for (room_id, room) in &synced.rooms.leave {
        shown.push((room_id, of_room("leave", room_id, &room.timeline, &room.state, &synced.next_batch)?));
    }
    for room_id in synced.rooms.invite.keys() {
        let room = rooms.snapshot(room_id).await?;
        let Some(own) = room.state().get("m.room.member", requester.user_id.as_str()) else { continue };
        let entry = json!({
            "room_id": room_id, "membership": "invite", "inviter": own.pdu.sender(),
            "invite": client_state(&own.pdu, &room, Form::Whole)?,
        });
        shown.push((room_id, entry));
    }
    for (room_id, entry) in &mut shown {
        entry["visibility"] = json!(directory.visibility(room_id).await?);
    }
    let shown: Vec<Value> = shown.into_iter().map(|(_, entry)| entry).collect();
    let receipts = receipts(&synced)?;
    Ok(Json(json!({
        "rooms": shown, "presence": synced.presence.events, "account_data": synced.account_data.events,
        "receipts": receipts, "end": synced.next_batch,
    })))
}

fn of_room(
    membership: &str,
    room_id: &RoomId,
    timeline: &v3::Timeline,
    state: &v3::State,
    end: &str,
) -> Result<Value, ApiError> {
    let state = match state {
        v3::State::Before(events) | v3::State::After(events) => &events.events,
        _ => &Vec::new(),
    };
    let chunk: Result<Vec<_>, _> = timeline.events.iter().map(|event| event_of_room(event.json(), room_id)).collect();
    let state: Result<Vec<_>, _> = state.iter().map(|event| event_of_room(event.json(), room_id)).collect();
    Ok(json!({
        "room_id": room_id, "membership": membership, "state": state?,
        "messages": { "start": timeline.prev_batch.as_deref().unwrap_or(end), "end": end, "chunk": chunk? },
    }))
}

fn receipts(synced: &v3::Response) -> Result<Vec<Box<RawValue>>, ApiError> {
    let mut receipts = Vec::new();
    for (room_id, room) in &synced.rooms.join {
        for event in &room.ephemeral.events {
            if event.get_field::<String>("type")?.as_deref() == Some("m.receipt") {
                receipts.push(event_of_room(event.json(), room_id)?);
            }
        }
    }
    Ok(receipts)
}

/// What a room has for a user beside its events.
pub struct Beside {
    pub account_data: Vec<Raw<AnyRoomAccountDataEvent>>,
    pub receipts: Vec<Box<RawValue>>,
    presence: Vec<Raw<PresenceEvent>>,
}

impl Beside {
    pub fn presence_of(&self, is_wanted: impl Fn(&UserId) -> bool) -> Vec<&Raw<PresenceEvent>> {
        let sender = |event: &&Raw<PresenceEvent>| event.get_field::<OwnedUserId>("sender").ok().flatten();
        self.presence.iter().filter(|event| sender(event).is_some_and(|sender| is_wanted(&sender))).collect()
    }
}

pub async fn beside(sync: &Sync, requester: &Requester, room_id: &RoomId) -> Result<Beside, ApiError> {
    let mut request = everything(requester, None, Duration::ZERO, 1);
    request.filter.room.rooms = Some(vec![room_id.to_owned()]);
    let mut synced = sync.sync(&request).await?;
    let receipts = receipts(&synced)?;
    let account_data = synced.rooms.join.remove(room_id).map(|room| room.account_data.events).unwrap_or_default();
    Ok(Beside { account_data, receipts, presence: synced.presence.events })
}

/// A request for all that a user may see, in the name of no device: what waits for one is left there.
pub(super) fn everything(
    requester: &Requester,
    since: Option<SyncToken>,
    timeout: Duration,
    limit: u32,
) -> SyncRequest {
    let mut filter = FilterDefinition::default();
    filter.room.timeline.limit = Some(UInt::from(limit));
    SyncRequest {
        user_id: requester.user_id.clone(),
        device: String::new(),
        since,
        filter,
        full_state: false,
        use_state_after: true,
        timeout,
        set_presence: PresenceState::Online,
    }
}

/// An event of `/sync` with its room's id.
pub(crate) fn event_of_room(event: &RawValue, room_id: &RoomId) -> Result<Box<RawValue>, ApiError> {
    let mut event: Map<String, Value> = serde_json::from_str(event.get())?;
    event.insert("room_id".to_owned(), json!(room_id));
    Ok(to_raw_value(&event)?)
}
