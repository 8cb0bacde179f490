use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use causeway_hub::accounts::Accounts;
use causeway_hub::directory::OWN;
use causeway_hub::rooms::{CreateRoom, Rooms, SendError};
use causeway_router::Registrations;
use causeway_store::{ALIAS_TAKEN, publish_new_room, put_alias_of_new_room};
use ruma::RoomAliasId;
use ruma::api::client::room::Visibility;
use ruma::api::client::room::create_room::v3::{Request, Response};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client::directory::check_new_alias;
use crate::client::membership::query_unknown;
use crate::{Answer, ApiError, Config, Limited, RateLimits, Ruma};

/// What ruma keeps as it came.
#[derive(Deserialize)]
struct InitialState {
    #[serde(rename = "type")]
    event_type: String,
    #[serde(default)]
    state_key: String,
    content: Box<RawValue>,
}

/// `POST /_matrix/client/v3/createRoom` (client-server API, "Creation")
pub async fn create(
    State(config): State<Arc<Config>>,
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    State(registrations): State<Registrations>,
    State(limits): State<RateLimits>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    requester.may_act()?;
    if !request.invite_3pid.is_empty() {
        return Err(ApiError::invalid_param("this server has no identity server; invite by user id"));
    }
    limits.check(Limited::RoomCreation, &requester)?;
    let default = match requester.appservice {
        Some(_) => &config.appservice_default_room_version,
        None => &config.default_room_version,
    };
    let mut with = Vec::new();
    if let Some(localpart) = &request.room_alias_name {
        let alias = RoomAliasId::parse(format!("#{localpart}:{}", config.server_name))
            .map_err(|error| ApiError::invalid_param(format!("room_alias_name: {error}")))?;
        check_new_alias(&registrations, &requester, &alias)?;
        with.push(put_alias_of_new_room(alias.as_str(), requester.user_id.as_str()));
    }
    if request.visibility == Visibility::Public {
        with.push(publish_new_room(OWN));
    }
    if !limits.takes(Limited::Invite, &requester, request.invite.len()) {
        // The text is that of Synapse, by which programs know to invite one by one.
        return Err(ApiError::bad_request("M_UNKNOWN", "Cannot invite so many users at once"));
    }
    for user_id in &request.invite {
        limits.check_of(Limited::InviteOfUser, &requester, user_id.as_str())?;
        query_unknown(&accounts, &registrations, user_id).await?;
    }
    let initial_state = request.initial_state.iter().map(|event| {
        let event: InitialState = serde_json::from_str(event.json().get())?;
        Ok((event.event_type, event.state_key, event.content))
    });
    let room = CreateRoom {
        version: Some(request.room_version.unwrap_or_else(|| default.clone())),
        preset: request.preset,
        visibility: request.visibility,
        alias_localpart: request.room_alias_name,
        name: request.name,
        topic: request.topic,
        invite: request.invite,
        join: Vec::new(),
        is_direct: request.is_direct,
        creation_content: match &request.creation_content {
            Some(content) => serde_json::from_str::<BTreeMap<_, _>>(content.json().get())?,
            None => BTreeMap::new(),
        },
        power_level_content_override: match &request.power_level_content_override {
            Some(content) => Some(serde_json::from_str(content.json().get())?),
            None => None,
        },
        initial_state: initial_state.collect::<Result<_, serde_json::Error>>()?,
        with,
    };
    match rooms.create(&requester.user_id, room).await {
        Ok(room_id) => Ok(Answer(Response::new(room_id))),
        Err(SendError::Lost(ALIAS_TAKEN)) => Err(ApiError::bad_request("M_ROOM_IN_USE", "the alias is taken")),
        Err(error) => Err(error.into()),
    }
}
