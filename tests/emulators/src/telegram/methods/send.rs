use serde_json::{Map, Value, json};

use super::{Answer, chat_of, required_int};
use crate::telegram::entities;
use crate::telegram::error::ApiError;
use crate::telegram::files::{Kind, received};
use crate::telegram::params::Params;
use crate::telegram::state::{ChatType, State, id_of, units};

pub const TEXT_UNITS: i64 = 4096;
pub const CAPTION_UNITS: i64 = 1024;

/// A text with its entities under these keys, checked; nothing where there is none.
pub fn text_fields(
    params: &Params,
    keys: (&str, &str),
    most: i64,
    too_long: &str,
) -> Result<Map<String, Value>, ApiError> {
    let mut fields = Map::new();
    if params.text("parse_mode").is_some_and(|mode| !mode.is_empty()) {
        return Err(ApiError::bad("this emulator reads entities and knows no parse_mode"));
    }
    let Some(text) = params.text(keys.0) else { return Ok(fields) };
    let text = text.trim_end().to_owned();
    if units(&text) > most {
        return Err(ApiError::bad(too_long));
    }
    if let Some(list) = params.json(keys.1)?.filter(|list| list.as_array().is_some_and(|list| !list.is_empty())) {
        entities::check(&text, &list)?;
        fields.insert(keys.1.to_owned(), list);
    }
    fields.insert(keys.0.to_owned(), text.into());
    Ok(fields)
}

fn caption_fields(params: &Params) -> Result<Map<String, Value>, ApiError> {
    text_fields(params, ("caption", "caption_entities"), CAPTION_UNITS, "message caption is too long")
}

/// Puts it into the chat; no bot is told of its own messages, and of those of other bots only in channels.
fn put(state: &mut State, token: &str, chat_id: i64, params: &Params, mut fields: Map<String, Value>) -> Answer {
    let mut reply = params.json("reply_parameters")?.unwrap_or_default();
    if reply.is_null() && params.int("reply_to_message_id").is_some() {
        reply = json!({
            "message_id": params.int("reply_to_message_id"),
            "allow_sending_without_reply": params.flag("allow_sending_without_reply"),
        });
    }
    if let Some(target) = reply["message_id"].as_i64() {
        let is_there = state.chat(chat_id)?.messages.contains_key(&target);
        if !is_there && reply["allow_sending_without_reply"] != true {
            return Err(ApiError::bad("message to be replied not found"));
        }
        if is_there {
            fields.insert("reply_to".into(), target.into());
        }
    }
    if let Some(thread) = params.int("message_thread_id") {
        if !state.chat(chat_id)?.is_forum {
            return Err(ApiError::bad("message thread not found"));
        }
        fields.insert("message_thread_id".into(), thread.into());
        fields.insert("is_topic_message".into(), true.into());
    }
    let bot = id_of(&state.bots[token].user);
    state.add_message(chat_id, bot, fields)
}

pub fn message(state: &mut State, token: &str, params: &Params) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    let fields = text_fields(params, ("text", "entities"), TEXT_UNITS, "message is too long")?;
    if fields.get("text").and_then(Value::as_str).is_none_or(|text| text.trim().is_empty()) {
        return Err(ApiError::bad("message text is empty"));
    }
    put(state, token, chat_id, params, fields)
}

/// `name`: `photo`, `document`, …, as the method and its parameter are called.
pub fn media(state: &mut State, token: &str, params: &Params, name: &str) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    let kind = Kind::of(name).ok_or_else(|| ApiError::bad("unknown kind of media"))?;
    let fields = caption_fields(params)?;
    let (key, value) = received(state, params, kind, kind.key(), params)?;
    let fields = with_media(fields, params, key, value);
    put(state, token, chat_id, params, fields)
}

fn with_media(mut fields: Map<String, Value>, params: &Params, key: &str, value: Value) -> Map<String, Value> {
    if params.flag("has_spoiler") {
        fields.insert("has_media_spoiler".into(), true.into());
    }
    // An animation is a document too, for those who know no animations.
    if key == "animation" {
        fields.insert("document".into(), value.clone());
    }
    fields.insert(key.to_owned(), value);
    fields
}

pub fn media_group(state: &mut State, token: &str, params: &Params) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    let list = params.json("media")?.and_then(|list| list.as_array().cloned()).unwrap_or_default();
    if !(2..=10).contains(&list.len()) {
        return Err(ApiError::bad("wrong number of items in the album: 2 to 10 are possible"));
    }
    let group = state.fresh_id().to_string();
    let mut made = Vec::new();
    for item in list {
        let item = Params { values: item.as_object().cloned().unwrap_or_default(), files: params.files.clone() };
        let kind = item.text("type").and_then(|name| Kind::of(&name));
        let kind = kind.ok_or_else(|| ApiError::bad("unknown kind of media in the album"))?;
        let mut fields = caption_fields(&item)?;
        let (key, value) = received(state, params, kind, "media", &item)?;
        fields.insert("media_group_id".into(), group.clone().into());
        made.push((fields, item, key, value));
    }
    let mut sent = Vec::new();
    for (fields, item, key, value) in made {
        sent.push(put(state, token, chat_id, params, with_media(fields, &item, key, value))?);
    }
    Ok(sent.into())
}

pub fn location(state: &mut State, token: &str, params: &Params) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    let place = |key| params.float(key).ok_or_else(|| ApiError::bad(&format!("{key} is empty")));
    let location = json!({"latitude": place("latitude")?, "longitude": place("longitude")?});
    put(state, token, chat_id, params, [("location".to_owned(), location)].into_iter().collect())
}

pub fn venue(state: &mut State, token: &str, params: &Params) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    let place = |key| params.float(key).ok_or_else(|| ApiError::bad(&format!("{key} is empty")));
    let location = json!({"latitude": place("latitude")?, "longitude": place("longitude")?});
    let title = params.text("title").filter(|title| !title.is_empty());
    let title = title.ok_or_else(|| ApiError::bad("venue title must be non-empty"))?;
    let venue = json!({"location": location, "title": title, "address": params.text("address").unwrap_or_default()});
    let fields = [("location".to_owned(), location), ("venue".to_owned(), venue)];
    put(state, token, chat_id, params, fields.into_iter().collect())
}

pub fn contact(state: &mut State, token: &str, params: &Params) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    let text = |key| params.text(key).filter(|text| !text.is_empty());
    let number = text("phone_number").ok_or_else(|| ApiError::bad("phone number is empty"))?;
    let name = text("first_name").ok_or_else(|| ApiError::bad("first name is empty"))?;
    let mut contact = json!({"phone_number": number, "first_name": name});
    for key in ["last_name", "vcard"] {
        if let Some(value) = text(key) {
            contact[key] = value.into();
        }
    }
    put(state, token, chat_id, params, [("contact".to_owned(), contact)].into_iter().collect())
}

pub fn poll(state: &mut State, token: &str, params: &Params) -> Answer {
    let chat_id = chat_of(state, token, params)?;
    if state.chat(chat_id)?.kind == ChatType::Private {
        return Err(ApiError::bad("polls can't be sent to private chats"));
    }
    let question = params.text("question").filter(|text| !text.is_empty() && units(text) <= 300);
    let question = question.ok_or_else(|| ApiError::bad("poll question must be 1 to 300 characters long"))?;
    let options = params.json("options")?.and_then(|list| list.as_array().cloned()).unwrap_or_default();
    if !(2..=12).contains(&options.len()) {
        return Err(ApiError::bad("poll must have from 2 to 12 options"));
    }
    let text = |option: &Value| option.as_str().or(option["text"].as_str()).unwrap_or_default().to_owned();
    let option = |(number, option): (usize, &Value)| json!({"persistent_id": number.to_string(), "text": text(option), "voter_count": 0});
    let options: Vec<Value> = options.iter().enumerate().map(option).collect();
    let poll = json!({
        "id": state.fresh_id().to_string(), "question": question, "options": options, "total_voter_count": 0,
        "is_closed": params.flag("is_closed"), "is_anonymous": true, "type": "regular",
        "allows_revoting": true, "members_only": false,
        "allows_multiple_answers": params.flag("allows_multiple_answers"),
    });
    put(state, token, chat_id, params, [("poll".to_owned(), poll)].into_iter().collect())
}

pub fn action(state: &mut State, token: &str, params: &Params) -> Answer {
    chat_of(state, token, params)?;
    match params.text("action").as_deref() {
        Some("typing" | "upload_photo" | "record_voice" | "upload_document" | "choose_sticker") => Ok(true.into()),
        _ => Err(ApiError::bad("wrong parameter action in request")),
    }
}

/// The message that a call names.
pub fn message_of(state: &State, chat_id: i64, params: &Params, missing: &str) -> Result<(i64, Value), ApiError> {
    let id = required_int(params, "message_id")?;
    let message = state.chat(chat_id)?.messages.get(&id).cloned();
    message.map(|message| (id, message)).ok_or_else(|| ApiError::bad(missing))
}
