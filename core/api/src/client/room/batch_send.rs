//! Who may say what in a batch is decided here, what becomes of it in `hub::rooms`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use causeway_hub::accounts::{NewAccount, RegisterError};
use causeway_hub::rooms::{Batch, BatchEvent, BatchPlace, Inserted, NewEvent, RoomSnapshot};
use causeway_router::Registered;
use futures_util::future::try_join_all;
use ruma::api::auth_scheme::AccessToken;
use ruma::events::TimelineEventType;
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::not_in;
use super::read_markers::set_fully_read;
use crate::endpoint::Unparsed;
use crate::{Api, ApiError, Limited};

pub(super) const PATH: &str = "/_matrix/client/unstable/com.beeper.backfill/rooms/{room_id}/batch_send";

/// Events of one batch.
const EVENTS: usize = 10_000;

/// As mautrix-go sends it.
#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    forward_if_no_messages: bool,
    #[serde(default)]
    forward: bool,
    #[serde(default)]
    send_notification: bool,
    mark_read_by: Option<OwnedUserId>,
    events: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    event_type: String,
    sender: Option<OwnedUserId>,
    content: Box<RawValue>,
    state_key: Option<String>,
    origin_server_ts: Option<u64>,
    event_id: Option<OwnedEventId>,
    room_id: Option<OwnedRoomId>,
    redacts: Option<OwnedEventId>,
}

/// How an appservice may speak as a user.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Voice {
    /// one of its namespace, made when it is not there yet, and joined to the room
    Own,
    /// a user of this server who is in the room already
    Puppet,
}

/// `POST /_matrix/client/unstable/com.beeper.backfill/rooms/{roomId}/batch_send`: many events at once, for appservices
/// (docs/history.md).
pub async fn batch_send(
    State(api): State<Api>,
    Unparsed { requester, params, body }: Unparsed<AccessToken, 16>,
) -> Result<Json<Value>, ApiError> {
    let Some(appservice) = requester.appservice.clone() else {
        return Err(ApiError::forbidden("only an application service may send batches"));
    };
    api.limits.check(Limited::Message, &requester)?;
    let room_id = params.first().and_then(|room_id| OwnedRoomId::try_from(room_id.as_str()).ok());
    let room_id = room_id.ok_or_else(|| ApiError::invalid_param("the path names no room id"))?;
    let request: Request = serde_json::from_slice(&body)?;
    if request.events.len() > EVENTS {
        return Err(ApiError::too_large(format!("a batch may have {EVENTS} events; send several")));
    }
    let room = api.rooms.snapshot(&room_id).await.map_err(not_in)?;
    let author = Author { api: &api, room: &room, appservice: &appservice, bot: &requester.user_id };
    let events = author.events(&room_id, &request.events).await?;

    let senders: HashSet<&OwnedUserId> =
        events.iter().filter(|item| item.may_join).map(|item| &item.event.sender).collect();
    try_join_all(senders.into_iter().map(|sender| ensure_account(&api, &appservice, sender))).await?;
    let batch = Batch {
        room_id,
        events,
        place: match (request.forward, request.forward_if_no_messages) {
            (true, _) => BatchPlace::End,
            (false, true) => BatchPlace::BeforeOrEnd,
            (false, false) => BatchPlace::Before,
        },
        notifies: request.send_notification,
        inviter: Some(requester.user_id.clone()),
        not_to: appservice.destination,
        with: Vec::new(),
    };
    let inserted = api.rooms.insert(&batch).await?;
    if let Some(reader) = &request.mark_read_by {
        author.mark_read(reader, &batch, &inserted).await?;
    }
    Ok(Json(json!({ "event_ids": inserted.event_ids })))
}

/// An appservice in a room.
struct Author<'a> {
    api: &'a Api,
    room: &'a RoomSnapshot,
    appservice: &'a Arc<Registered>,
    bot: &'a UserId,
}

impl Author<'_> {
    async fn events(&self, room_id: &OwnedRoomId, events: &[Box<RawValue>]) -> Result<Vec<BatchEvent>, ApiError> {
        let mut voices: HashMap<OwnedUserId, Voice> = HashMap::new();
        let mut batch = Vec::with_capacity(events.len());
        for (index, text) in events.iter().enumerate() {
            let event: Event =
                serde_json::from_str(text.get()).map_err(|error| ApiError::from(error).of_event(index))?;
            if event.room_id.as_ref().is_some_and(|other| other != room_id) {
                return Err(ApiError::invalid_param("room_id is not that of the path").of_event(index));
            }
            let sender = event.sender.clone().unwrap_or_else(|| self.bot.to_owned());
            let voice = match voices.get(&sender) {
                Some(voice) => *voice,
                None => {
                    let voice = self.voice(&sender).await?.ok_or_else(|| {
                        let text = format!("Application service cannot masquerade as this user ({sender}).");
                        ApiError::forbidden(text).of_event(index)
                    })?;
                    voices.insert(sender.clone(), voice);
                    voice
                }
            };
            batch.push(BatchEvent {
                event_id: event.event_id.clone(),
                may_join: voice == Voice::Own,
                event: event.into_new(room_id, sender),
            });
        }
        Ok(batch)
    }

    /// None: it may not speak as this user.
    async fn voice(&self, user: &OwnedUserId) -> Result<Option<Voice>, ApiError> {
        let owner = self.api.registrations.exclusive_owner_of_user(user.as_str());
        if owner.is_some_and(|owner| owner.registration.id != self.appservice.registration.id) {
            return Ok(None);
        }
        if self.appservice.may_act_as(user.as_str()) {
            return Ok(Some(Voice::Own));
        }
        let is_puppet = self.may_puppet(user) && self.api.accounts.is_registered(user).await?;
        Ok(is_puppet.then_some(Voice::Puppet))
    }

    /// A double puppet. Bridges puppet people with the token of a second registration, which has no `url` and a wide
    /// namespace, and which a batch cannot show: so it is enough that there is one, in a room that the bridge rules and
    /// the puppet is in.
    fn may_puppet(&self, user: &UserId) -> bool {
        let is_for_puppets = |registered: &Arc<Registered>| {
            let registration = &registered.registration;
            registration.url.is_none() && registration.plugin.is_none() && registered.may_act_as(user.as_str())
        };
        let rules = self
            .room
            .power_levels()
            .is_some_and(|levels| levels.of(self.bot) >= levels.to_send(&TimelineEventType::RoomPowerLevels, true));
        rules
            && self.room.is_joined(self.bot)
            && self.room.is_joined(user)
            && self.api.registrations.list().iter().any(is_for_puppets)
    }

    /// As far as the appservice may speak for the reader; for others nothing of the batch is unread anyway, unless it
    /// is to notify.
    async fn mark_read(&self, reader: &OwnedUserId, batch: &Batch, inserted: &Inserted) -> Result<(), ApiError> {
        let Some(last) = inserted.event_ids.last() else { return Ok(()) };
        if self.voice(reader).await?.is_none() || !self.api.rooms.is_joined(&batch.room_id, reader).await? {
            return Ok(());
        }
        self.api.receipts.set(reader, &batch.room_id, last, "m.read", "").await?;
        if inserted.at_end {
            set_fully_read(&self.api.account_data, reader, &batch.room_id, last).await?;
        }
        Ok(())
    }
}

impl Event {
    fn into_new(self, room_id: &OwnedRoomId, sender: OwnedUserId) -> NewEvent {
        #[derive(Deserialize)]
        struct Redaction {
            redacts: Option<OwnedEventId>,
        }
        let redacts = || serde_json::from_str::<Redaction>(self.content.get()).ok().and_then(|content| content.redacts);
        let redacts = match self.event_type.as_str() {
            "m.room.redaction" => self.redacts.clone().or_else(redacts),
            _ => None,
        };
        NewEvent {
            state_key: self.state_key,
            redacts,
            timestamp: self.origin_server_ts,
            ..NewEvent::message(room_id.clone(), sender, &self.event_type, self.content)
        }
    }
}

/// A ghost that never said anything may have no account yet.
async fn ensure_account(api: &Api, appservice: &Registered, user: &OwnedUserId) -> Result<(), ApiError> {
    if api.accounts.is_registered(user).await? {
        return Ok(());
    }
    let id = Some(appservice.registration.id.clone());
    match api.accounts.register(NewAccount { appservice: id, ..NewAccount::new(user.clone()) }).await {
        Ok(_) | Err(RegisterError::InUse(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
