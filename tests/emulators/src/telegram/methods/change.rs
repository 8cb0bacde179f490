use serde_json::{Value, json};

use super::send::{CAPTION_UNITS, TEXT_UNITS, message_of, text_fields};
use super::{Answer, chat_of, needs_admin};
use crate::telegram::error::ApiError;
use crate::telegram::files::{Kind, received};
use crate::telegram::params::Params;
use crate::telegram::state::{State, id_of, now};

const NOT_MODIFIED: &str = "message is not modified: specified new message content and reply markup are exactly the same \
    as a current content and reply markup of the message";

/// How long a bot may delete what is not its own, in seconds.
const DELETABLE: i64 = 48 * 3600;

/// What a bot may react with, as far as tests need it; the list of the network is longer, and as closed.
const EMOJIS: [&str; 12] = ["👍", "👎", "❤", "🔥", "🥰", "👏", "😁", "🤔", "🎉", "😢", "🙏", "👌"];

/// The bot's own message that a call names.
fn own(state: &State, token: &str, params: &Params) -> Result<(i64, i64, Value), ApiError> {
    let chat_id = chat_of(state, token, params)?;
    let (id, message) = message_of(state, chat_id, params, "message to edit not found")?;
    let is_own = message["from"]["id"] == state.bots[token].user["id"] || message.get("from").is_none();
    if is_own { Ok((chat_id, id, message)) } else { Err(ApiError::bad("message can't be edited")) }
}

fn replace(state: &mut State, (chat_id, id): (i64, i64), before: &Value, mut after: Value) -> Answer {
    if *before == after {
        return Err(ApiError::bad(NOT_MODIFIED));
    }
    after["edit_date"] = now().into();
    state.chat_mut(chat_id)?.messages.insert(id, after.clone());
    Ok(after)
}

pub fn text(state: &mut State, token: &str, params: &Params) -> Answer {
    let (chat_id, id, before) = own(state, token, params)?;
    if before.get("text").is_none() {
        return Err(ApiError::bad("there is no text in the message to edit"));
    }
    let fields = text_fields(params, ("text", "entities"), TEXT_UNITS, "message is too long")?;
    if fields.get("text").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(ApiError::bad("message text is empty"));
    }
    let mut after = before.clone();
    after.as_object_mut().map(|after| after.remove("entities"));
    fields.into_iter().for_each(|(key, value)| after[key] = value);
    replace(state, (chat_id, id), &before, after)
}

pub fn caption(state: &mut State, token: &str, params: &Params) -> Answer {
    let (chat_id, id, before) = own(state, token, params)?;
    if before.get("text").is_some() {
        return Err(ApiError::bad("there is no caption in the message to edit"));
    }
    let keys = ("caption", "caption_entities");
    let fields = text_fields(params, keys, CAPTION_UNITS, "message caption is too long")?;
    let mut after = before.clone();
    after.as_object_mut().map(|after| (after.remove(keys.0), after.remove(keys.1)));
    fields.into_iter().for_each(|(key, value)| after[key] = value);
    replace(state, (chat_id, id), &before, after)
}

pub fn media(state: &mut State, token: &str, params: &Params) -> Answer {
    let (chat_id, id, before) = own(state, token, params)?;
    let item = params.json("media")?.unwrap_or_default();
    let item = Params { values: item.as_object().cloned().unwrap_or_default(), files: params.files.clone() };
    let kind =
        item.text("type").and_then(|name| Kind::of(&name)).ok_or_else(|| ApiError::bad("unknown kind of media"))?;
    let (key, value) = received(state, params, kind, "media", &item)?;
    let keys = ("caption", "caption_entities");
    let fields = text_fields(&item, keys, CAPTION_UNITS, "message caption is too long")?;
    let mut after = before.clone();
    if let Some(after) = after.as_object_mut() {
        after.retain(|key, _| Kind::of(key).is_none() && ![keys.0, keys.1].contains(&key.as_str()));
    }
    after[key] = value;
    fields.into_iter().for_each(|(key, value)| after[key] = value);
    replace(state, (chat_id, id), &before, after)
}

fn remove(state: &mut State, token: &str, chat_id: i64, id: i64) -> Result<(), ApiError> {
    let message = state.chat(chat_id)?.messages.get(&id);
    let message = message.ok_or_else(|| ApiError::bad("message to delete not found"))?;
    let is_old = now() - message["date"].as_i64().unwrap_or_default() > DELETABLE;
    let is_own = message["from"]["id"] == state.bots[token].user["id"];
    if is_old || !is_own && needs_admin(state, token, chat_id).is_err() {
        return Err(ApiError::bad("message can't be deleted"));
    }
    state.chat_mut(chat_id)?.messages.remove(&id);
    Ok(())
}

pub fn delete(state: &mut State, token: &str, params: &Params) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    remove(state, token, chat_id, super::required_int(params, "message_id")?)?;
    Ok(true.into())
}

/// What can't be deleted is passed over.
pub fn delete_many(state: &mut State, token: &str, params: &Params) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    let ids = params.json("message_ids")?.and_then(|list| list.as_array().cloned()).unwrap_or_default();
    if ids.is_empty() || ids.len() > 100 {
        return Err(ApiError::bad("message identifiers are not specified"));
    }
    for id in ids.iter().filter_map(Value::as_i64) {
        // As documented: those that can't be found are skipped.
        let _ = remove(state, token, chat_id, id);
    }
    Ok(true.into())
}

pub fn react(state: &mut State, token: &str, params: &Params) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    let (id, _) = message_of(state, chat_id, params, "message to react not found")?;
    let reaction = params.json("reaction")?.and_then(|list| list.as_array().cloned()).unwrap_or_default();
    if reaction.len() > 1 {
        return Err(ApiError::bad("REACTIONS_TOO_MANY"));
    }
    let is_known = |one: &Value| one["type"] == "emoji" && one["emoji"].as_str().is_some_and(|e| EMOJIS.contains(&e));
    if !reaction.iter().all(is_known) {
        return Err(ApiError::bad("REACTION_INVALID"));
    }
    let bot = id_of(&state.bots[token].user);
    state.chat_mut(chat_id)?.reactions.insert((id, bot), reaction);
    Ok(true.into())
}

pub fn pin(state: &mut State, token: &str, params: &Params, is_pinned: bool) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    needs_admin(state, token, chat_id).map_err(|_| ApiError::bad("not enough rights to manage pinned messages"))?;
    let (id, _) = message_of(state, chat_id, params, "message to pin not found")?;
    let chat = state.chat_mut(chat_id)?;
    chat.pinned.retain(|pinned| *pinned != id);
    if is_pinned {
        chat.pinned.push(id);
    }
    Ok(json!(true))
}
