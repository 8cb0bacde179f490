use serde_json::{Value, json};

use super::{messages, text};
use crate::discord::error::ApiError;
use crate::discord::http::{Answer, Asked};
use crate::discord::state::{State, intents, number, permissions};

/// Of one channel.
const MOST: usize = 15;

/// Names that the platform keeps for itself.
fn checked_name(key: &str, name: &str) -> Result<(), ApiError> {
    let lower = name.to_lowercase();
    for word in ["discord", "clyde"] {
        if lower.contains(word) {
            let text = format!("{key} cannot contain \"{word}\"");
            return Err(ApiError::form(key, "USERNAME_INVALID_CONTAINS", &text));
        }
    }
    match name.trim().chars().count() {
        1..=80 => Ok(()),
        _ => Err(ApiError::form(key, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 80 in length.")),
    }
}

pub fn create(state: &mut State, bot: u64, channel: u64, body: &Value) -> Answer {
    let guild = state.allowed(bot, channel, permissions::MANAGE_WEBHOOKS)?.guild();
    let name = text(body, "name")?.to_owned();
    checked_name("name", &name)?;
    if state.channel(channel)?.is_thread() {
        return Err(ApiError::new(400, 50024, "Cannot execute action on this channel type"));
    }
    if state.webhooks.values().filter(|webhook| number(&webhook["channel_id"]) == Some(channel)).count() >= MOST {
        return Err(ApiError::new(400, 30007, "Maximum number of webhooks reached (15)"));
    }
    let id = state.fresh_id();
    let webhook = json!({
        "id": id.to_string(), "type": 1, "guild_id": guild.map(|id| id.to_string()), "channel_id": channel.to_string(),
        "name": name, "avatar": null, "token": format!("secret-of-webhook-{id}"), "user": state.user(bot)?,
        "application_id": bot.to_string(), "url": format!("{}/api/webhooks/{id}/secret-of-webhook-{id}", state.base),
    });
    state.webhooks.insert(id, webhook.clone());
    let data = json!({"guild_id": guild.map(|id| id.to_string()), "channel_id": channel.to_string()});
    state.dispatch(Some(channel), guild, intents::GUILD_WEBHOOKS, "WEBHOOKS_UPDATE", &data);
    Ok(webhook)
}

pub fn list(state: &State, bot: u64, channel: u64) -> Answer {
    state.allowed(bot, channel, permissions::MANAGE_WEBHOOKS)?;
    let of = state.webhooks.values().filter(|webhook| number(&webhook["channel_id"]) == Some(channel));
    Ok(of.cloned().collect())
}

fn known(state: &State, webhook: u64, secret: &str) -> Answer {
    let found = state.webhooks.get(&webhook).ok_or_else(|| ApiError::unknown(10015, "Webhook"))?;
    if found["token"] != secret {
        return Err(ApiError::new(401, 50027, "Invalid Webhook Token"));
    }
    Ok(found.clone())
}

pub fn get(state: &State, webhook: u64, secret: &str) -> Answer {
    let mut found = known(state, webhook, secret)?;
    if let Some(found) = found.as_object_mut() {
        found.remove("user");
    }
    Ok(found)
}

/// Where a call on a webhook's message is to happen: its channel, or a thread of that.
fn place(state: &State, found: &Value, asked: &Asked) -> Result<u64, ApiError> {
    let own = number(&found["channel_id"]).unwrap_or_default();
    let Some(thread) = asked.query.get("thread_id").and_then(|id| id.parse::<u64>().ok()) else { return Ok(own) };
    let is_its = state.channel(thread).is_ok_and(|thread| number(&thread.value["parent_id"]) == Some(own));
    if is_its { Ok(thread) } else { Err(ApiError::unknown(10003, "Channel")) }
}

pub fn execute(state: &mut State, webhook: u64, secret: &str, asked: &Asked) -> Answer {
    let found = known(state, webhook, secret)?;
    let body = &asked.body;
    let name = body["username"].as_str().or(found["name"].as_str()).unwrap_or_default().to_owned();
    checked_name("username", &name)?;
    let mut channel = place(state, &found, asked)?;
    if state.channel(channel)?.kind() == 15 {
        let name = body["thread_name"].as_str().ok_or_else(|| {
            ApiError::new(400, 220_001, "Webhooks posted to forum channels must have a thread_name or thread_id")
        })?;
        let id = state.fresh_id();
        super::threads::open(state, channel, id, webhook, name)?;
        channel = id;
    }
    let avatar = body["avatar_url"].as_str();
    if avatar.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
        return Err(ApiError::form(
            "avatar_url",
            "URL_TYPE_INVALID_SCHEME",
            "Scheme must be one of ('http', 'https').",
        ));
    }
    let mut fields = messages::content(body, !asked.files.is_empty())?;
    fields["allowed_mentions"] = body["allowed_mentions"].clone();
    // What `message_reference` says is not looked at: webhooks can't reply.
    fields["webhook_id"] = webhook.to_string().into();
    fields["application_id"] = found["application_id"].clone();
    fields["author"] = json!({
        "id": webhook.to_string(), "username": name, "avatar": avatar.map(|_| "a0"), "discriminator": "0000",
        "bot": true, "public_flags": 0, "flags": 0, "global_name": null,
    });
    let files = messages::described(body, &asked.files)?;
    let message = messages::put(state, webhook, channel, fields, files)?;
    Ok(if asked.query.get("wait").map(String::as_str) == Some("true") { message } else { Value::Null })
}

fn own(state: &State, webhook: u64, secret: &str, message: u64, asked: &Asked) -> Result<(u64, Value), ApiError> {
    let found = known(state, webhook, secret)?;
    let channel = place(state, &found, asked)?;
    let message = state.message(channel, message)?.clone();
    match number(&message["webhook_id"]) {
        Some(id) if id == webhook => Ok((channel, message)),
        _ => Err(ApiError::unknown(10008, "Message")),
    }
}

pub fn message(state: &State, webhook: u64, secret: &str, message: u64, asked: &Asked) -> Answer {
    own(state, webhook, secret, message, asked).map(|(_, message)| message)
}

pub fn edit(state: &mut State, webhook: u64, secret: &str, message: u64, asked: &Asked) -> Answer {
    let (channel, _) = own(state, webhook, secret, message, asked)?;
    messages::change(state, channel, message, asked)
}

pub fn delete_message(state: &mut State, webhook: u64, secret: &str, message: u64, asked: &Asked) -> Answer {
    let (channel, _) = own(state, webhook, secret, message, asked)?;
    messages::remove(state, channel, message)?;
    Ok(Value::Null)
}
