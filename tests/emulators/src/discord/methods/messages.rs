use serde_json::{Value, json};

use crate::discord::error::ApiError;
use crate::discord::http::{Answer, Asked};
use crate::discord::state::{State, id_of, intents, number, permissions, timestamp};
use crate::discord::time::{iso, now, of_snowflake};
use crate::form::Upload;

const CONTENT: usize = 2000;
const NONCE: usize = 25;
const FILE_BYTES: usize = 10 << 20;
const REQUEST_BYTES: usize = 25 << 20;
const FORUM: u64 = 15;

pub fn create(state: &mut State, bot: u64, channel: u64, asked: &Asked) -> Answer {
    create_with_id(state, bot, channel, None, asked)
}

pub fn create_with_id(state: &mut State, bot: u64, channel: u64, id: Option<u64>, asked: &Asked) -> Answer {
    let kind = state.allowed(bot, channel, permissions::SEND)?.kind();
    if kind == FORUM || kind == 4 {
        return Err(ApiError::new(400, 50008, "Cannot send messages in a non-text channel"));
    }
    let nonce = match &asked.body["nonce"] {
        Value::Null => None,
        Value::String(text) if text.chars().count() <= NONCE => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => return Err(ApiError::form("nonce", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")),
    };
    if let (Some(nonce), true) = (&nonce, asked.body["enforce_nonce"] == true) {
        let oldest = now().saturating_sub(u64::try_from(state.nonce_window.as_millis()).unwrap_or(u64::MAX));
        let known = state.nonces.iter().find(|(who, text, _, _, at)| *who == bot && text == nonce && *at >= oldest);
        if let Some((_, _, channel, message, _)) = known.cloned()
            && let Ok(message) = state.message(channel, message)
        {
            return Ok(message.clone());
        }
    }
    let denied = permissions::ATTACH;
    if !asked.files.is_empty() {
        state.allowed(bot, channel, denied)?;
    }
    let mut fields = content(&asked.body, !asked.files.is_empty())?;
    if let Some(reply) = asked.body.get("message_reference").filter(|reply| reply.is_object()) {
        let target = number(&reply["message_id"]).unwrap_or_default();
        let is_there = state.channel(channel)?.messages.contains_key(&target);
        if !is_there && reply["fail_if_not_exists"] != false {
            return Err(ApiError::form("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message"));
        }
        if is_there {
            fields["type"] = 19.into();
            fields["message_reference"] =
                json!({"type": 0, "channel_id": channel.to_string(), "message_id": target.to_string()});
        }
    }
    fields["allowed_mentions"] = asked.body["allowed_mentions"].clone();
    if let Some(nonce) = &nonce {
        fields["nonce"] = nonce.clone().into();
    }
    if let Some(id) = id {
        fields["id"] = id.to_string().into();
    }
    let files = described(&asked.body, &asked.files)?;
    let message = put(state, bot, channel, fields, files)?;
    if let Some(nonce) = nonce {
        state.nonces.push((bot, nonce, channel, id_of(&message), now()));
    }
    Ok(message)
}

/// What a message says, checked.
pub fn content(body: &Value, has_files: bool) -> Answer {
    let mut fields = json!({"content": body["content"].as_str().unwrap_or_default()});
    if body["content"].as_str().is_some_and(|text| text.chars().count() > CONTENT) {
        return Err(ApiError::form("content", "BASE_TYPE_MAX_LENGTH", "Must be 2000 or fewer in length."));
    }
    for key in ["embeds", "poll", "flags", "components"] {
        if body.get(key).is_some_and(|value| !value.is_null()) {
            fields[key] = body[key].clone();
        }
    }
    if fields["embeds"].as_array().is_some_and(|embeds| embeds.len() > 10) {
        return Err(ApiError::form("embeds", "BASE_TYPE_BAD_LENGTH", "Must be 10 or fewer in length."));
    }
    let parse = &body["allowed_mentions"]["parse"];
    let is_listed = |key: &str, kind: &str| {
        let is_in = |list: &Value, what: &str| list.as_array().is_some_and(|list| list.iter().any(|one| one == what));
        body["allowed_mentions"][key].as_array().is_some_and(|list| !list.is_empty()) && is_in(parse, kind)
    };
    if is_listed("users", "users") || is_listed("roles", "roles") {
        return Err(ApiError::form("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", "exclusive"));
    }
    let is_empty = fields["content"].as_str().is_some_and(|text| text.trim().is_empty())
        && fields["embeds"].as_array().is_none_or(Vec::is_empty)
        && fields.get("poll").is_none()
        && body["sticker_ids"].as_array().is_none_or(Vec::is_empty);
    if is_empty && !has_files {
        return Err(ApiError::new(400, 50006, "Cannot send an empty message"));
    }
    Ok(fields)
}

/// The files of a call with what its `attachments` say of each.
pub fn described(
    body: &Value,
    files: &std::collections::BTreeMap<u64, Upload>,
) -> Result<Vec<(Upload, Value)>, ApiError> {
    let too_large = || ApiError::new(413, 40005, "Request entity too large");
    if files.values().map(|file| file.data.len()).sum::<usize>() > REQUEST_BYTES {
        return Err(too_large());
    }
    let list = body["attachments"].as_array().cloned().unwrap_or_default();
    let about = |number: u64| {
        let is_meant = |one: &&Value| one["id"] == number || id_of(one) == number;
        list.iter().find(is_meant).cloned().unwrap_or_default()
    };
    let with = |(number, file): (&u64, &Upload)| match file.data.len() {
        0..=FILE_BYTES => Ok((file.clone(), about(*number))),
        _ => Err(too_large()),
    };
    files.iter().map(with).collect()
}

/// Puts a message into a channel and tells of it. `fields` overwrite what a message usually has.
pub fn put(state: &mut State, author: u64, channel: u64, mut fields: Value, files: Vec<(Upload, Value)>) -> Answer {
    let guild = state.channel(channel)?.guild();
    let allowed = fields.as_object_mut().and_then(|fields| fields.remove("allowed_mentions")).unwrap_or_default();
    let id = match number(&fields["id"]) {
        Some(id) => id,
        None => state.fresh_id(),
    };
    let text = fields["content"].as_str().unwrap_or_default().to_owned();
    let author = if fields.get("author").is_some() { fields["author"].clone() } else { state.user(author)? };
    let mut message = json!({
        "id": id.to_string(), "channel_id": channel.to_string(), "author": author, "content": text,
        "timestamp": iso(of_snowflake(id)), "edited_timestamp": null, "tts": false,
        "mention_everyone": text.contains("@everyone") && may(&allowed, "everyone"), "mentions": mentioned(state, &text, &allowed),
        "mention_roles": [], "attachments": [], "embeds": [], "pinned": false, "type": 0, "flags": 0, "components": [],
    });
    for (key, value) in fields.as_object().into_iter().flatten() {
        message[key.as_str()] = value.clone();
    }
    let attachments: Vec<Value> =
        files.into_iter().map(|(file, about)| attached(state, channel, &file, &about)).collect();
    if !attachments.is_empty() {
        message["attachments"] = attachments.into();
    }
    let target = &message["message_reference"];
    if let (Some(in_channel), Some(target), true) =
        (number(&target["channel_id"]), number(&target["message_id"]), target["type"].as_u64().unwrap_or(0) == 0)
    {
        let mut shown = state.message(in_channel, target).cloned().unwrap_or_default();
        if let Some(shown) = shown.as_object_mut() {
            shown.remove("referenced_message");
        }
        message["referenced_message"] = shown;
    }
    if let Some(poll) = message.get_mut("poll").filter(|poll| poll.is_object()) {
        let answers = poll["answers"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let numbered = answers.into_iter().zip(1..).map(|(mut answer, number)| {
            answer["answer_id"] = number.into();
            answer
        });
        poll["answers"] = numbered.collect::<Vec<_>>().into();
        poll["expiry"] = iso(now() + poll["duration"].as_u64().unwrap_or(24) * 3_600_000).into();
    }
    let nonce = message.get("nonce").cloned();
    let mut kept = message.clone();
    if let Some(kept) = kept.as_object_mut() {
        // Nobody is told it again later.
        kept.remove("nonce");
    }
    let place = state.channel_mut(channel)?;
    place.messages.insert(id, kept);
    place.value["last_message_id"] = id.to_string().into();
    if place.is_thread() {
        place.value["message_count"] = place.messages.len().into();
    }
    let told = with_place(state, &message, guild);
    state.dispatch(Some(channel), guild, intents::GUILD_MESSAGES, "MESSAGE_CREATE", &told);
    if let Some(nonce) = nonce {
        message["nonce"] = nonce;
    }
    Ok(message)
}

fn may(allowed: &Value, kind: &str) -> bool {
    match allowed["parse"].as_array() {
        Some(list) => list.iter().any(|one| one == kind),
        None => allowed.is_null(),
    }
}

fn mentioned(state: &State, text: &str, allowed: &Value) -> Vec<Value> {
    let mut users = Vec::new();
    for (at, _) in text.match_indices("<@") {
        let rest = text[at + 2..].trim_start_matches('!');
        let Some(id) = rest.split('>').next().and_then(|id| id.parse::<u64>().ok()) else { continue };
        let listed = allowed["users"].as_array().is_some_and(|list| list.iter().any(|one| number(one) == Some(id)));
        if let (Ok(user), true) = (state.user(id), listed || may(allowed, "users"))
            && !users.contains(&user)
        {
            users.push(user);
        }
    }
    users
}

fn attached(state: &mut State, channel: u64, file: &Upload, about: &Value) -> Value {
    let id = state.fresh_id();
    let name = about["filename"].as_str().unwrap_or(&file.file_name).to_owned();
    let url = state.keep_file(&format!("attachments/{channel}/{id}/{name}"), file.data.clone(), &file.mime, true);
    let mut value = json!({
        "id": id.to_string(), "filename": name, "size": file.data.len(), "url": url, "proxy_url": url,
        "content_type": file.mime,
    });
    for key in ["description", "duration_secs", "waveform", "width", "height", "ephemeral", "title", "flags"] {
        if !about[key].is_null() {
            value[key] = about[key].clone();
        }
    }
    value
}

/// A message as an event has it.
fn with_place(state: &State, message: &Value, guild: Option<u64>) -> Value {
    let mut told = message.clone();
    if let Some(guild) = guild {
        told["guild_id"] = guild.to_string().into();
        if let Some(member) = state.member_of(guild, id_of(&message["author"])) {
            told["member"] = member;
        }
    }
    told
}

/// Tells how a message is now.
pub fn tell_change(state: &mut State, channel: u64, message: u64) -> Result<(), ApiError> {
    let guild = state.channel(channel)?.guild();
    let told = with_place(state, state.message(channel, message)?, guild);
    state.dispatch(Some(channel), guild, intents::GUILD_MESSAGES, "MESSAGE_UPDATE", &told);
    Ok(())
}

/// A message as `bot` is shown it, with its reactions.
fn shown(state: &State, bot: u64, channel: u64, id: u64) -> Answer {
    let mut message = state.message(channel, id)?.clone();
    let all = state.channel(channel)?.reactions.get(&id);
    let reaction = |(emoji, users): &(Value, Vec<u64>)| {
        json!({
            "emoji": emoji, "count": users.len(), "count_details": {"burst": 0, "normal": users.len()},
            "me": users.contains(&bot), "me_burst": false, "burst_colors": [],
        })
    };
    let reactions: Vec<Value> = all.into_iter().flatten().map(reaction).collect();
    if !reactions.is_empty() {
        message["reactions"] = reactions.into();
    }
    Ok(message)
}

pub fn get(state: &State, bot: u64, channel: u64, message: u64) -> Answer {
    state.allowed(bot, channel, 0)?;
    shown(state, bot, channel, message)
}

/// Newest first, as many as asked for.
pub fn history(state: &State, bot: u64, channel: u64, asked: &Asked) -> Answer {
    let messages = &state.allowed(bot, channel, 0)?.messages;
    let id = |key: &str| asked.query.get(key).and_then(|text| text.parse::<u64>().ok());
    let limit = asked.query.get("limit").map_or(Some(50), |text| text.parse::<usize>().ok()).unwrap_or(0);
    if !(1..=100).contains(&limit) {
        return Err(ApiError::form("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100."));
    }
    let mut ids: Vec<u64> = match (id("after"), id("before"), id("around")) {
        (Some(after), _, _) => messages.range(after + 1..).map(|(id, _)| *id).take(limit).collect(),
        (_, Some(before), _) => messages.range(..before).rev().map(|(id, _)| *id).take(limit).collect(),
        (_, _, Some(around)) => {
            let older = messages.range(..around).rev().map(|(id, _)| *id).take(limit / 2);
            older.chain(messages.range(around..).map(|(id, _)| *id).take(limit - limit / 2)).collect()
        }
        _ => messages.keys().rev().copied().take(limit).collect(),
    };
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.into_iter().map(|id| shown(state, bot, channel, id)).collect()
}

pub fn edit(state: &mut State, bot: u64, channel: u64, message: u64, asked: &Asked) -> Answer {
    state.allowed(bot, channel, 0)?;
    let found = state.message(channel, message)?;
    if id_of(&found["author"]) != bot || found.get("webhook_id").is_some() {
        return Err(ApiError::forbidden(50005, "Cannot edit a message authored by another user"));
    }
    change(state, channel, message, asked)
}

/// Writes what a call changes.
pub fn change(state: &mut State, channel: u64, message: u64, asked: &Asked) -> Answer {
    let body = &asked.body;
    let keeps_files = !state.message(channel, message)?["attachments"].as_array().is_none_or(Vec::is_empty);
    let has_files = !asked.files.is_empty() || keeps_files && body.get("attachments").is_none();
    let fields = content(body, has_files || body.get("content").is_none())?;
    let files = described(body, &asked.files)?;
    let mut made: Vec<Value> = files.iter().map(|(file, about)| attached(state, channel, file, about)).collect();
    let mentions = mentioned(state, fields["content"].as_str().unwrap_or_default(), &body["allowed_mentions"]);
    let found = state.message_mut(channel, message)?;
    if body.get("content").is_some() {
        found["content"] = fields["content"].clone();
        found["mentions"] = mentions.into();
    }
    for key in ["embeds", "flags"] {
        if let Some(value) = fields.get(key) {
            found[key] = value.clone();
        }
    }
    // Those that are named are kept, with the new ones behind them.
    let kept = |one: &&Value| match body["attachments"].as_array() {
        Some(list) => list.iter().any(|named| named["id"] == one["id"]),
        None => true,
    };
    let mut attachments: Vec<Value> =
        found["attachments"].as_array().into_iter().flatten().filter(kept).cloned().collect();
    attachments.append(&mut made);
    found["attachments"] = attachments.into();
    found["edited_timestamp"] = timestamp().into();
    tell_change(state, channel, message)?;
    state.message(channel, message).cloned()
}

pub fn delete(state: &mut State, bot: u64, channel: u64, message: u64) -> Answer {
    state.allowed(bot, channel, 0)?;
    if id_of(&state.message(channel, message)?["author"]) != bot {
        state.allowed(bot, channel, permissions::MANAGE_MESSAGES)?;
    }
    remove(state, channel, message)?;
    Ok(Value::Null)
}

pub fn remove(state: &mut State, channel: u64, message: u64) -> Result<(), ApiError> {
    state.message(channel, message)?;
    let place = state.channel_mut(channel)?;
    place.messages.remove(&message);
    place.reactions.remove(&message);
    let guild = place.guild();
    let mut data = json!({"id": message.to_string(), "channel_id": channel.to_string()});
    if let Some(guild) = guild {
        data["guild_id"] = guild.to_string().into();
    }
    state.dispatch(Some(channel), guild, intents::GUILD_MESSAGES, "MESSAGE_DELETE", &data);
    Ok(())
}

pub fn delete_many(state: &mut State, bot: u64, channel: u64, body: &Value) -> Answer {
    let guild = state.allowed(bot, channel, permissions::MANAGE_MESSAGES)?.guild();
    let ids: Vec<u64> = body["messages"].as_array().into_iter().flatten().filter_map(number).collect();
    if !(2..=100).contains(&ids.len()) {
        return Err(ApiError::new(400, 50016, "You can only delete between 2 and 100 messages in one go"));
    }
    let place = state.channel_mut(channel)?;
    for id in &ids {
        place.messages.remove(id);
    }
    let names: Vec<String> = ids.iter().map(u64::to_string).collect();
    let mut data = json!({"ids": names, "channel_id": channel.to_string()});
    if let Some(guild) = guild {
        data["guild_id"] = guild.to_string().into();
    }
    state.dispatch(Some(channel), guild, intents::GUILD_MESSAGES, "MESSAGE_DELETE_BULK", &data);
    Ok(Value::Null)
}

pub fn pin(state: &mut State, by: u64, channel: u64, message: u64) -> Answer {
    state.allowed(by, channel, permissions::MANAGE_MESSAGES)?;
    state.message_mut(channel, message)?["pinned"] = true.into();
    state.channel_mut(channel)?.pinned.push(message);
    let told = json!({
        "type": 6, "content": "",
        "message_reference": {"type": 0, "channel_id": channel.to_string(), "message_id": message.to_string()},
    });
    put(state, by, channel, told, Vec::new())?;
    Ok(Value::Null)
}
