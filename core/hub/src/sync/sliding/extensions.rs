//! What comes beside the rooms: messages to the device, device lists and key counts, account data, receipts, typing.

use std::collections::{BTreeMap, HashMap};

use causeway_store::{Commit, Position, UserRoom, delete_to_device_up_to};
use ruma::api::client::sync::sync_events::v3::Response;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::connections::State;
use super::lists::Wanted;
use super::{Context, SlidingRequest, as_sync};
use crate::receipts::content;
use crate::rooms::SendError;
use crate::sync::{Inner, SyncToken};
use crate::timelines::json_error;

/// Messages to a device in one answer.
const MESSAGES: i64 = 100;
const MOST_MESSAGES: i64 = 1_000;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Extensions {
    pub to_device: ToDevice,
    pub e2ee: Enabled,
    pub account_data: OfRooms,
    pub receipts: OfRooms,
    pub typing: OfRooms,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ToDevice {
    pub enabled: bool,
    pub limit: Option<i64>,
    /// the client has all up to here
    pub since: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Enabled {
    pub enabled: bool,
}

/// Of rooms in these lists and of these subscriptions; none: of all that the client sees.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct OfRooms {
    pub enabled: bool,
    pub lists: Option<Vec<String>>,
    pub rooms: Option<Vec<String>>,
}

impl OfRooms {
    fn wants(&self, room_id: &str, wanted: &Wanted, is_subscribed: bool) -> bool {
        let any = |names: &Option<Vec<String>>, has: &dyn Fn(&str) -> bool, all: bool| match names {
            None => all,
            Some(names) => names.iter().any(|name| (name == "*" && all) || has(name)),
        };
        self.enabled
            && (any(&self.lists, &|name| wanted.lists.contains(name), !wanted.lists.is_empty())
                || any(&self.rooms, &|name| is_subscribed && name == room_id, is_subscribed))
    }
}

type Relevant<'a> = HashMap<&'a str, (&'a UserRoom, &'a Wanted)>;

impl Inner {
    /// The client has the messages up to its `since`.
    pub(super) async fn acknowledge_messages(&self, request: &SlidingRequest) -> Result<(), super::SlidingError> {
        let to_device = &request.body.extensions.to_device;
        if !to_device.enabled || request.device.is_empty() {
            return Ok(());
        }
        let Some(since) = &to_device.since else { return Ok(()) };
        let since = message_token(since)?;
        let (user_id, device) = (request.user_id.as_str(), request.device.as_str());
        let waiting = self.store.to_device_after(user_id, device, Position(0), 1).await.map_err(SendError::from)?;
        if waiting.first().is_some_and(|message| message.position <= since) {
            let delete = delete_to_device_up_to(user_id, device, since);
            self.store.commit(Commit::of(vec![delete])).await.map_err(SendError::from)?;
        }
        Ok(())
    }

    /// The extensions that were asked for, and whether there is anything that a client waits for.
    pub(super) async fn extensions(
        &self,
        context: &Context<'_>,
        state: &State,
        relevant: &Relevant<'_>,
    ) -> Result<(Map<String, Value>, bool), SendError> {
        let asked = &context.request.body.extensions;
        let (mut answer, mut has_news) = (Map::new(), false);
        if asked.to_device.enabled && !context.request.device.is_empty() {
            let (messages, any) = self.messages(context).await?;
            has_news |= any;
            answer.insert("to_device".to_owned(), messages);
        }
        if asked.e2ee.enabled {
            let (keys, any) = self.device_keys(context).await?;
            has_news |= any;
            answer.insert("e2ee".to_owned(), keys);
        }
        let of_rooms =
            [("account_data", &asked.account_data), ("receipts", &asked.receipts), ("typing", &asked.typing)];
        for (name, of) in of_rooms {
            if !of.enabled {
                continue;
            }
            let mut rooms = BTreeMap::new();
            for (room_id, (room, wanted)) in relevant {
                let is_subscribed = context.request.body.room_subscriptions.keys().any(|id| id == room_id);
                if !of.wants(room_id, wanted, is_subscribed) {
                    continue;
                }
                let is_new = context.since.is_none() || !state.relevant.contains(&room.room);
                let found = match name {
                    "account_data" => self.room_data(context, room, is_new).await?,
                    "receipts" => self.room_receipts(context, room, is_new).await?,
                    _ => self.room_typing(context, room_id, is_new),
                };
                if let Some(found) = found {
                    rooms.insert((*room_id).to_owned(), found);
                }
            }
            let mut extension = json!({ "rooms": rooms });
            has_news |= !rooms.is_empty();
            if name == "account_data" {
                let global = self.global_data(context).await?;
                has_news |= !global.is_empty();
                extension["global"] = json!(global);
            }
            answer.insert(name.to_owned(), extension);
        }
        Ok((answer, has_news))
    }

    async fn messages(&self, context: &Context<'_>) -> Result<(Value, bool), SendError> {
        let request = context.request;
        let asked = &request.body.extensions.to_device;
        let since = asked.since.as_deref().and_then(|since| message_token(since).ok()).unwrap_or(Position(0));
        let limit = asked.limit.unwrap_or(MESSAGES).clamp(1, MOST_MESSAGES);
        let mut messages = self.store.to_device_after(request.user_id.as_str(), &request.device, since, limit).await?;
        messages.retain(|message| message.position <= context.token.position);
        let next = match messages.last() {
            Some(last) => last.position,
            None => since.max(Position(0)),
        };
        let events = messages.into_iter().map(|message| {
            let content = RawValue::from_string(message.content).map_err(json_error)?;
            Ok(json!({ "type": message.message_type, "sender": message.sender, "content": content }))
        });
        let events = events.collect::<Result<Vec<Value>, SendError>>()?;
        let any = !events.is_empty();
        Ok((json!({ "next_batch": next.0.to_string(), "events": events }), any))
    }

    async fn device_keys(&self, context: &Context<'_>) -> Result<(Value, bool), SendError> {
        let request = as_sync(context.request, context.since);
        let mut counts = Response::new(String::new());
        self.key_counts(&request, &mut counts).await?;
        let mut answer = json!({
            "device_one_time_keys_count": counts.device_one_time_keys_count,
            "device_unused_fallback_key_types": counts.device_unused_fallback_key_types,
        });
        let Some(since) = context.since else { return Ok((answer, false)) };
        let rooms = self.store.user_rooms(request.user_id.as_str()).await?;
        let lists = self.device_lists(&request.user_id, &rooms, since.position, context.token.position).await?;
        let any = !lists.is_empty();
        if any {
            answer["device_lists"] = json!({ "changed": lists.changed, "left": lists.left });
        }
        Ok((answer, any))
    }

    async fn global_data(&self, context: &Context<'_>) -> Result<Vec<Box<RawValue>>, SendError> {
        let mut response = Response::new(String::new());
        self.global_account_data(&as_sync(context.request, context.since), &context.shared, &mut response).await?;
        Ok(response.account_data.events.into_iter().map(|event| event.into_json()).collect())
    }

    async fn room_data(
        &self,
        context: &Context<'_>,
        room: &UserRoom,
        is_new: bool,
    ) -> Result<Option<Value>, SendError> {
        let changed = context.shared.account_data.get(&*room.room_id);
        if !is_new || context.since.is_none() {
            return Ok(changed.map(|events| json!(events)));
        }
        let rows = self.store.account_data_after(context.request.user_id.as_str(), Position(0)).await?;
        let events = rows.into_iter().filter(|row| *row.room_id == *room.room_id).map(|row| {
            let content = RawValue::from_string(row.content).map_err(json_error)?;
            Ok(json!({ "type": row.data_type, "content": content }))
        });
        let events = events.collect::<Result<Vec<Value>, SendError>>()?;
        Ok((!events.is_empty()).then(|| events.into()))
    }

    async fn room_receipts(
        &self,
        context: &Context<'_>,
        room: &UserRoom,
        is_new: bool,
    ) -> Result<Option<Value>, SendError> {
        if &*room.membership != "join" {
            return Ok(None);
        }
        let own = context.request.user_id.as_str();
        let all;
        let rows: &[_] = if is_new {
            all = self.store.receipts_of_room(room.room).await?;
            &all
        } else {
            context.shared.receipts.get(&*room.room_id).map_or(&[], Vec::as_slice)
        };
        let content = content(rows.iter().filter(|row| row.receipt_type == "m.read" || row.user_id == own));
        Ok((!content.is_empty()).then(|| json!({ "type": "m.receipt", "content": content })))
    }

    fn room_typing(&self, context: &Context<'_>, room_id: &str, is_new: bool) -> Option<Value> {
        let mark = if is_new { None } else { context.since };
        let users = self.typing.changed_after(room_id, mark.map_or(0, |since: SyncToken| since.lossy))?;
        (!is_new || !users.is_empty()).then(|| json!({ "type": "m.typing", "content": { "user_ids": users } }))
    }
}

fn message_token(text: &str) -> Result<Position, super::SlidingError> {
    let position = text.parse().ok().filter(|position| *position >= 0).map(Position);
    let wrong = || super::SlidingError::Invalid("extensions.to_device.since is no token of this server".to_owned());
    position.ok_or_else(wrong)
}
