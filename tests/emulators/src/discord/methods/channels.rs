use serde_json::{Value, json};

use super::text;
use crate::discord::error::ApiError;
use crate::discord::http::Answer;
use crate::discord::state::{Channel, State, id_of, intents, number, permissions};
use crate::discord::time::now;

pub fn get(state: &State, bot: u64, channel: u64) -> Answer {
    Ok(state.allowed(bot, channel, 0)?.value.clone())
}

/// A private channel with somebody, made where there is none.
pub fn direct(state: &mut State, bot: u64, body: &Value) -> Answer {
    let with = text(body, "recipient_id")?.parse().unwrap_or_default();
    let user = state.user(with)?;
    let found = state.channels.values().find(|channel| {
        channel.kind() == 1
            && number(&channel.value["bot"]) == Some(bot)
            && channel.value["recipients"].as_array().is_some_and(|list| list.iter().any(|one| id_of(one) == with))
    });
    if let Some(found) = found {
        return Ok(found.value.clone());
    }
    let id = state.fresh_id();
    let value = json!({
        "id": id.to_string(), "type": 1, "last_message_id": null, "flags": 0, "recipients": [user],
        "bot": bot.to_string(),
    });
    let channel = Channel {
        value: value.clone(),
        messages: Default::default(),
        reactions: Default::default(),
        pinned: Vec::new(),
    };
    state.channels.insert(id, channel);
    state.dispatch(Some(id), None, intents::GUILDS, "CHANNEL_CREATE", &value);
    Ok(value)
}

pub fn change(state: &mut State, bot: u64, channel: u64, body: &Value) -> Answer {
    state.allowed(bot, channel, permissions::MANAGE_CHANNELS)?;
    for (key, most) in [("name", 100), ("topic", 1024)] {
        if body[key].as_str().is_some_and(|text| text.chars().count() > most) {
            return Err(ApiError::form(key, "BASE_TYPE_BAD_LENGTH", &format!("Must be {most} or fewer in length.")));
        }
    }
    let found = state.channel_mut(channel)?;
    for key in ["name", "topic"] {
        if let Some(value) = body.get(key) {
            // Names of text channels are kept as one word.
            let word = value.as_str().filter(|_| key == "name" && found.kind() == 0);
            found.value[key] = word.map_or_else(|| value.clone(), |word| word.to_lowercase().replace(' ', "-").into());
        }
    }
    for key in ["archived", "locked"] {
        if let (Some(value), true) = (body.get(key), found.is_thread()) {
            found.value["thread_metadata"][key] = value.clone();
        }
    }
    told(state, channel)
}

/// Tells how a channel is now.
pub fn told(state: &mut State, channel: u64) -> Answer {
    let found = state.channel(channel)?;
    let (value, guild) = (found.value.clone(), found.guild());
    let kind = if found.is_thread() { "THREAD_UPDATE" } else { "CHANNEL_UPDATE" };
    state.dispatch(Some(channel), guild, intents::GUILDS, kind, &value);
    Ok(value)
}

pub fn typing(state: &mut State, user: u64, channel: u64) -> Answer {
    let guild = state.allowed(user, channel, permissions::SEND)?.guild();
    let mut data = json!({"channel_id": channel.to_string(), "user_id": user.to_string(), "timestamp": now() / 1000});
    if let Some(guild) = guild {
        data["guild_id"] = guild.to_string().into();
        data["member"] = state.guild(guild)?.members.get(&user).cloned().unwrap_or_default();
    }
    state.dispatch(Some(channel), guild, intents::GUILD_TYPING, "TYPING_START", &data);
    Ok(Value::Null)
}
