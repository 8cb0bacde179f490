//! One response, from what happened between two tokens.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use causeway_store::{Position, ReceiptRow, UserRoom};
use ruma::api::client::sync::sync_events::v3::Response;
use ruma::serde::Raw;
use ruma::{OneTimeKeyAlgorithm, OwnedRoomId, UInt, UserId};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::state::Members;
use super::{Inner, SyncRequest, SyncToken, fields, invited};
use crate::account_data::ignored_users;
use crate::rooms::SendError;
use crate::timelines::{glob, json_error};

/// Messages to a device that one response carries; the next ones follow at once.
const TO_DEVICE: i64 = 1_000;

pub(super) struct Built {
    pub response: Response,
    pub token: SyncToken,
    /// the user's joined rooms, in order of their ids
    pub rooms: Vec<Arc<str>>,
    /// nothing that a client would want to be woken for
    pub is_empty: bool,
}

/// What all rooms of a response share.
pub(super) struct Shared {
    pub token: SyncToken,
    /// by room; `""` is global
    pub account_data: HashMap<String, Vec<Box<RawValue>>>,
    /// by room; of an initial sync they are read room by room
    pub receipts: HashMap<String, Vec<ReceiptRow>>,
    pub ignored: HashSet<String>,
    pub members: Members,
}

impl Shared {
    /// Of one room.
    pub fn account_data(&self, request: &SyncRequest, room_id: &str) -> Vec<Box<RawValue>> {
        let filter = &request.filter.room.account_data;
        let data = self.account_data.get(room_id).into_iter().flatten();
        data.filter(|event| wants_type(filter.types.as_deref(), &filter.not_types, event)).cloned().collect()
    }
}

impl Inner {
    /// The client has what it was sent before this token.
    pub(super) async fn acknowledge(&self, request: &SyncRequest, since: SyncToken) -> Result<(), SendError> {
        let (user_id, device) = (request.user_id.as_str(), request.device.as_str());
        let waiting = self.store.to_device_after(user_id, device, Position(0), 1).await?;
        if waiting.first().is_some_and(|message| message.position <= since.position) {
            let delete = causeway_store::delete_to_device_up_to(user_id, device, since.position);
            self.store.commit(causeway_store::Commit::of(vec![delete])).await?;
        }
        Ok(())
    }

    /// A user's rooms, by id, and the end of a response that tells of them.
    pub(super) async fn rooms_until_now(&self, user_id: &UserId) -> Result<(Vec<UserRoom>, SyncToken), SendError> {
        let lossy = self.lossy.last();
        self.notifier.reached(self.store.position()).await;
        let reached = self.notifier.position();
        let mut rooms = self.store.user_rooms(user_id.as_str()).await?;
        rooms.sort_by(|one, other| one.room_id.cmp(&other.room_id));
        // What is newer than what was reached moves the response's end, so that none falls between two.
        let to = rooms.iter().map(|room| room.position.max(room.last_position)).fold(reached, Ord::max);
        self.notifier.reached(to).await;
        Ok((rooms, SyncToken { position: to, lossy }))
    }

    pub(super) async fn build(&self, request: &SyncRequest) -> Result<Built, SendError> {
        let (rooms, mut token) = self.rooms_until_now(&request.user_id).await?;
        let to = token.position;
        let mut response = Response::new(String::new());
        self.to_device(request, &mut token, &mut response).await?;
        let mut shared = self.shared(request, token).await?;
        self.global_account_data(request, &shared, &mut response).await?;
        for room in rooms.iter().filter(|room| wants_room(request, &room.room_id)) {
            match self.room(request, room, &mut shared, &mut response).await {
                // It was deleted meanwhile: the next response tells them that they are out of it.
                Err(SendError::UnknownRoom(_)) => {}
                told => told?,
            }
        }
        let mark = request.since.map_or(0, |since| since.lossy);
        response.presence.events = self.presence_events(&request.user_id, mark).await?;
        let presence = &request.filter.presence;
        response.presence.events.retain(|event: &Raw<ruma::events::presence::PresenceEvent>| {
            wants_type(presence.types.as_deref(), &presence.not_types, event.json())
        });
        if let Some(since) = request.since {
            let lists = self.device_lists(&request.user_id, &rooms, since.position, to).await?;
            response.device_lists = lists;
        }
        let is_empty = response.rooms.is_empty()
            && response.presence.is_empty()
            && response.account_data.is_empty()
            && response.to_device.is_empty()
            && response.device_lists.is_empty();
        self.key_counts(request, &mut response).await?;
        if !shared.members.sent.is_empty() || request.since.is_none() {
            self.sent_members.sent(request.user_id.as_str(), &request.device, token, shared.members.sent);
        }
        response.next_batch = token.to_string();
        let joined = rooms.into_iter().filter(|room| &*room.membership == "join").map(|room| room.room_id);
        Ok(Built { response, token, rooms: joined.collect(), is_empty })
    }

    pub(super) async fn shared(&self, request: &SyncRequest, token: SyncToken) -> Result<Shared, SendError> {
        let user_id = request.user_id.as_str();
        let after = request.since.map_or(Position(0), |since| since.position);
        let new_receipts = async {
            match request.since {
                Some(_) => self.new_receipts(after, token.position).await,
                None => Ok(Vec::new()),
            }
        };
        // Of each other they know nothing, and each is a way to the database and back.
        let (rows, new_receipts, ignored) = tokio::try_join!(
            async { Ok(self.store.account_data_after(user_id, after).await?) },
            async { Ok(new_receipts.await?) },
            async { ignored_users(&self.store, user_id).await.map_err(SendError::from) },
        )?;
        let mut account_data: HashMap<String, Vec<Box<RawValue>>> = HashMap::new();
        for row in rows {
            let event = data_event(&row.data_type, row.content).map_err(json_error)?;
            account_data.entry(row.room_id).or_default().push(event);
        }
        let mut receipts: HashMap<String, Vec<ReceiptRow>> = HashMap::new();
        for row in new_receipts {
            receipts.entry(row.room_id.clone()).or_default().push(row);
        }
        let known = self.sent_members.known(user_id, &request.device, request.since);
        let members = Members { known, sent: HashSet::new() };
        Ok(Shared { token, account_data, receipts, ignored, members })
    }

    async fn room(
        &self,
        request: &SyncRequest,
        room: &UserRoom,
        shared: &mut Shared,
        response: &mut Response,
    ) -> Result<(), SendError> {
        let Ok(room_id) = OwnedRoomId::try_from(&*room.room_id) else { return Ok(()) };
        let since = request.since.map(|since| since.position);
        let is_new = since.is_none_or(|since| room.position > since);
        match &*room.membership {
            "join" => {
                if let Some(joined) = self.joined(request, room, &room_id, shared).await? {
                    response.rooms.join.insert(room_id, joined);
                }
            }
            "invite" if is_new => {
                let snapshot = self.rooms.snapshot(&room_id).await?;
                let sender = snapshot.state().get("m.room.member", request.user_id.as_str());
                if !sender.is_some_and(|event| shared.ignored.contains(event.pdu.sender().as_str())) {
                    response.rooms.invite.insert(room_id, invited::invited(&snapshot, &request.user_id)?);
                }
            }
            "knock" if is_new => {
                let snapshot = self.rooms.snapshot(&room_id).await?;
                response.rooms.knock.insert(room_id, invited::knocked(&snapshot, &request.user_id)?);
            }
            "leave" | "ban" => {
                let all = request.filter.room.include_leave && (since.is_none() || request.full_state);
                if all || (since.is_some() && is_new) {
                    let left = self.left(request, room, &room_id, shared).await?;
                    response.rooms.leave.insert(room_id, left);
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) async fn global_account_data(
        &self,
        request: &SyncRequest,
        shared: &Shared,
        response: &mut Response,
    ) -> Result<(), SendError> {
        let mut events: Vec<Box<RawValue>> = shared.account_data.get("").cloned().unwrap_or_default();
        if request.since.is_none() {
            // Everybody has push rules, also who never changed them.
            events.retain(|event| type_of(event).as_deref() != Some("m.push_rules"));
            let rules = self.push.rules(&request.user_id).await?;
            let content = serde_json::json!({ "global": rules }).to_string();
            events.push(data_event("m.push_rules", content).map_err(json_error)?);
        }
        let filter = &request.filter.account_data;
        let wanted = events.into_iter().filter(|event| wants_type(filter.types.as_deref(), &filter.not_types, event));
        response.account_data.events = wanted.map(Raw::from_json).collect();
        Ok(())
    }

    /// A device that has more waiting than one response carries gets a token that ends with what it was given.
    async fn to_device(
        &self,
        request: &SyncRequest,
        token: &mut SyncToken,
        response: &mut Response,
    ) -> Result<(), SendError> {
        if request.device.is_empty() {
            return Ok(());
        }
        let after = request.since.map_or(Position(0), |since| since.position);
        let mut messages =
            self.store.to_device_after(request.user_id.as_str(), &request.device, after, TO_DEVICE).await?;
        messages.retain(|message| message.position <= token.position);
        if messages.len() as i64 >= TO_DEVICE
            && let Some(last) = messages.last()
        {
            token.position = last.position;
        }
        for message in messages {
            #[derive(serde::Serialize)]
            struct Event {
                sender: String,
                #[serde(rename = "type")]
                message_type: String,
                content: Box<RawValue>,
            }
            let content = RawValue::from_string(message.content).map_err(json_error)?;
            let event = Event { sender: message.sender, message_type: message.message_type, content };
            response.to_device.events.push(Raw::from_json(to_raw_value(&event).map_err(json_error)?));
        }
        Ok(())
    }

    pub(super) async fn key_counts(&self, request: &SyncRequest, response: &mut Response) -> Result<(), SendError> {
        if request.device.is_empty() {
            return Ok(());
        }
        let (user_id, device) = (request.user_id.as_str(), request.device.as_str());
        let (counts, unused) = tokio::try_join!(
            self.store.one_time_key_counts(user_id, device),
            self.store.unused_fallback_keys(user_id, device),
        )?;
        let mut by_algorithm: BTreeMap<OneTimeKeyAlgorithm, UInt> = BTreeMap::new();
        // Clients without keys want to hear so too.
        by_algorithm.insert(OneTimeKeyAlgorithm::SignedCurve25519, UInt::MIN);
        for (algorithm, count) in counts {
            by_algorithm.insert(algorithm.as_str().into(), UInt::try_from(count).unwrap_or_default());
        }
        response.device_one_time_keys_count = by_algorithm;
        response.device_unused_fallback_key_types =
            Some(unused.iter().map(|algorithm| algorithm.as_str().into()).collect());
        Ok(())
    }
}

/// An event of account data.
fn data_event(data_type: &str, content: String) -> serde_json::Result<Box<RawValue>> {
    #[derive(serde::Serialize)]
    struct Event<'a> {
        #[serde(rename = "type")]
        data_type: &'a str,
        content: Box<RawValue>,
    }
    to_raw_value(&Event { data_type, content: RawValue::from_string(content)? })
}

fn type_of(event: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(rename = "type")]
        event_type: String,
    }
    serde_json::from_str::<Typed>(event.get()).ok().map(|typed| typed.event_type)
}

/// Whether a filter's types let an event through.
fn wants_type(types: Option<&[String]>, not_types: &[String], event: &RawValue) -> bool {
    if types.is_none() && not_types.is_empty() {
        return true;
    }
    let event_type = type_of(event).unwrap_or_default();
    let names = |list: &[String]| list.iter().any(|pattern| glob(pattern, &event_type));
    types.is_none_or(names) && !names(not_types)
}

fn wants_room(request: &SyncRequest, room_id: &str) -> bool {
    let filter = &request.filter.room;
    filter.rooms.as_deref().is_none_or(|rooms| rooms.iter().any(|room| room == room_id))
        && !filter.not_rooms.iter().any(|room| room == room_id)
}

/// Only the fields that the filter names.
pub(super) fn shown(request: &SyncRequest, event: Box<RawValue>) -> Box<RawValue> {
    match &request.filter.event_fields {
        Some(wanted) => fields::project(event, wanted),
        None => event,
    }
}
