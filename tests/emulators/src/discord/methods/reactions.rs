use serde_json::{Value, json};

use crate::discord::error::ApiError;
use crate::discord::http::Answer;
use crate::discord::state::{State, intents, permissions};

/// As much as one message takes.
const KINDS: usize = 20;

/// `name:id`, or the emoji itself, as an emoji object.
fn emoji(state: &State, text: &str) -> Result<Value, ApiError> {
    let unknown = || ApiError::new(400, 10014, "Unknown Emoji");
    if let Some((name, id)) = text.split_once(':') {
        let known = state.guilds.values().flat_map(|guild| &guild.emojis).find(|emoji| emoji["id"] == id);
        let animated = known.map_or(Value::Null, |emoji| emoji["animated"].clone());
        known.ok_or_else(unknown)?;
        let mut emoji = json!({"id": id, "name": name});
        if animated == true {
            emoji["animated"] = true.into();
        }
        return Ok(emoji);
    }
    let is_emoji = !text.is_empty() && text.chars().count() <= 12 && !text.chars().any(|c| c.is_ascii_alphanumeric());
    let is_keycap = text.ends_with('\u{20e3}');
    if is_emoji || is_keycap { Ok(json!({"id": null, "name": text})) } else { Err(unknown()) }
}

pub fn put(state: &mut State, user: u64, channel: u64, message: u64, text: &str) -> Answer {
    let guild = state.allowed(user, channel, permissions::ADD_REACTIONS)?.guild();
    let author = state.message(channel, message)?["author"]["id"].clone();
    let emoji = emoji(state, text)?;
    let all = state.channel_mut(channel)?.reactions.entry(message).or_default();
    let kinds = all.len();
    match all.iter_mut().find(|(known, _)| *known == emoji) {
        Some((_, users)) if users.contains(&user) => return Ok(Value::Null),
        Some((_, users)) => users.push(user),
        None if kinds >= KINDS => {
            return Err(ApiError::new(400, 30010, "Maximum number of reactions reached (20)"));
        }
        None => all.push((emoji.clone(), vec![user])),
    }
    let mut data = about(user, channel, message, &emoji, guild);
    data["message_author_id"] = author;
    if let Some(guild) = guild {
        data["member"] = state.guild(guild)?.members.get(&user).cloned().unwrap_or_default();
    }
    state.dispatch(Some(channel), guild, intents::GUILD_REACTIONS, "MESSAGE_REACTION_ADD", &data);
    Ok(Value::Null)
}

pub fn delete(state: &mut State, user: u64, channel: u64, message: u64, text: &str) -> Answer {
    let guild = state.allowed(user, channel, 0)?.guild();
    state.message(channel, message)?;
    let emoji = emoji(state, text)?;
    let all = state.channel_mut(channel)?.reactions.entry(message).or_default();
    let Some((_, users)) = all.iter_mut().find(|(known, users)| *known == emoji && users.contains(&user)) else {
        return Ok(Value::Null);
    };
    users.retain(|one| *one != user);
    all.retain(|(_, users)| !users.is_empty());
    let data = about(user, channel, message, &emoji, guild);
    state.dispatch(Some(channel), guild, intents::GUILD_REACTIONS, "MESSAGE_REACTION_REMOVE", &data);
    Ok(Value::Null)
}

pub fn list(state: &State, bot: u64, channel: u64, message: u64, text: &str) -> Answer {
    state.allowed(bot, channel, 0)?;
    state.message(channel, message)?;
    let emoji = emoji(state, text)?;
    let all = state.channel(channel)?.reactions.get(&message);
    let users = all.and_then(|all| all.iter().find(|(known, _)| *known == emoji)).map(|(_, users)| users.clone());
    users.unwrap_or_default().into_iter().map(|user| state.user(user)).collect()
}

fn about(user: u64, channel: u64, message: u64, emoji: &Value, guild: Option<u64>) -> Value {
    let mut data = json!({
        "user_id": user.to_string(), "channel_id": channel.to_string(), "message_id": message.to_string(),
        "emoji": emoji, "burst": false, "type": 0, "burst_colors": [],
    });
    if let Some(guild) = guild {
        data["guild_id"] = guild.to_string().into();
    }
    data
}
