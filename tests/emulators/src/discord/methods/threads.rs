//! Threads, and the posts of forums, which are threads too.

use serde_json::{Value, json};

use super::{messages, text};
use crate::discord::error::ApiError;
use crate::discord::http::{Answer, Asked};
use crate::discord::state::{Channel, State, intents, permissions, timestamp};

const FORUM: u64 = 15;

pub fn active(state: &State, bot: u64, guild: u64) -> Answer {
    state.guild(guild)?.members.get(&bot).ok_or_else(|| ApiError::forbidden(50001, "Missing Access"))?;
    let threads = state.channels.values().filter(|channel| channel.is_thread() && channel.guild() == Some(guild));
    let threads: Vec<Value> = threads.map(|channel| channel.value.clone()).collect();
    Ok(json!({"threads": threads, "members": []}))
}

/// A new thread of a channel; `id` is that of the message that it begins with.
pub fn open(state: &mut State, parent: u64, id: u64, owner: u64, name: &str) -> Answer {
    let guild = state.channel(parent)?.guild().ok_or_else(|| ApiError::form("type", "BAD", "no guild"))?;
    if name.chars().count() > 100 {
        return Err(ApiError::form("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length."));
    }
    let value = json!({
        "id": id.to_string(), "type": 11, "guild_id": guild.to_string(), "parent_id": parent.to_string(),
        "owner_id": owner.to_string(), "name": name, "last_message_id": null, "message_count": 0, "member_count": 1,
        "total_message_sent": 0, "rate_limit_per_user": 0, "flags": 0, "applied_tags": [],
        "thread_metadata": {
            "archived": false, "auto_archive_duration": 1440, "archive_timestamp": timestamp(), "locked": false,
            "create_timestamp": timestamp(),
        },
    });
    let channel = Channel {
        value: value.clone(),
        messages: Default::default(),
        reactions: Default::default(),
        pinned: Vec::new(),
    };
    state.channels.insert(id, channel);
    let mut created = value.clone();
    created["newly_created"] = true.into();
    state.dispatch(Some(id), Some(guild), intents::GUILDS, "THREAD_CREATE", &created);
    Ok(value)
}

pub fn from_message(state: &mut State, by: u64, channel: u64, message: u64, body: &Value) -> Answer {
    state.allowed(by, channel, permissions::SEND)?;
    state.message(channel, message)?;
    let name = text(body, "name")?.to_owned();
    if state.channels.contains_key(&message) {
        return Err(ApiError::new(400, 160_004, "A thread has already been created for this message"));
    }
    let thread = open(state, channel, message, by, &name)?;
    let starter = json!({
        "type": 21, "content": "",
        "message_reference": {"channel_id": channel.to_string(), "message_id": message.to_string()},
    });
    messages::put(state, by, message, starter, Vec::new())?;
    let root = state.message_mut(channel, message)?;
    root["thread"] = thread.clone();
    root["flags"] = (root["flags"].as_u64().unwrap_or(0) | 1 << 5).into();
    messages::tell_change(state, channel, message)?;
    Ok(thread)
}

/// A thread without a message, or a forum's post with its first one.
pub fn create(state: &mut State, by: u64, channel: u64, asked: &Asked) -> Answer {
    let kind = state.allowed(by, channel, permissions::SEND)?.kind();
    let name = text(&asked.body, "name")?.to_owned();
    let id = state.fresh_id();
    let mut thread = open(state, channel, id, by, &name)?;
    if kind == FORUM {
        let first = Asked { body: asked.body["message"].clone(), files: asked.files.clone(), ..Asked::default() };
        thread["message"] = messages::create_with_id(state, by, id, Some(id), &first)?;
    } else {
        let told = json!({
            "type": 18, "content": name, "message_reference": {"channel_id": id.to_string()},
        });
        messages::put(state, by, channel, told, Vec::new())?;
    }
    Ok(thread)
}
