//! The calls of the REST API, one file for each noun.

pub mod channels;
pub mod guilds;
pub mod messages;
pub mod reactions;
pub mod threads;
mod webhooks;

use serde_json::{Value, json};

use super::error::ApiError;
use super::http::{Answer, Asked};
use super::state::State;

/// `path` in its segments; `None` where there is no such call.
pub fn call(state: &mut State, token: &str, method: &str, path: &[&str], asked: &Asked) -> Option<Answer> {
    // A segment that is no id is no place either.
    let id = |text: &str| text.parse::<u64>().unwrap_or_default();
    let bot = state.bot(token).unwrap_or_default();
    Some(match (method, path) {
        ("GET", ["gateway"]) => Ok(json!({"url": gateway(state)})),
        ("GET", ["gateway", "bot"]) => Ok(json!({
            "url": gateway(state), "shards": 1,
            "session_start_limit": {"total": 1000, "remaining": 1000, "reset_after": 86_400_000, "max_concurrency": 1},
        })),
        ("GET", ["users", "@me"]) => state.user(bot),
        ("GET", ["users", "@me", "guilds"]) => guilds::mine(state, bot),
        ("POST", ["users", "@me", "channels"]) => channels::direct(state, bot, &asked.body),
        ("GET", ["users", user]) => state.user(id(user)),
        ("GET", ["applications" | "oauth2", "@me"]) | ("GET", ["oauth2", "applications", "@me"]) => {
            application(state, bot)
        }
        ("GET", ["guilds", guild]) => guilds::get(state, bot, id(guild)),
        ("GET", ["guilds", guild, "channels"]) => guilds::channels(state, bot, id(guild)),
        ("GET", ["guilds", guild, "members"]) => guilds::members(state, bot, id(guild), asked),
        ("GET", ["guilds", guild, "members", user]) => guilds::member(state, bot, id(guild), id(user)),
        ("DELETE", ["guilds", guild, "members", user]) => guilds::remove(state, bot, id(guild), id(user), false),
        ("PUT", ["guilds", guild, "bans", user]) => guilds::remove(state, bot, id(guild), id(user), true),
        ("GET", ["guilds", guild, "emojis"]) => guilds::emojis(state, bot, id(guild)),
        ("GET", ["guilds", guild, "threads", "active"]) => threads::active(state, bot, id(guild)),
        ("GET", ["channels", channel]) => channels::get(state, bot, id(channel)),
        ("PATCH", ["channels", channel]) => channels::change(state, bot, id(channel), &asked.body),
        ("POST", ["channels", channel, "typing"]) => channels::typing(state, bot, id(channel)),
        ("GET", ["channels", channel, "messages"]) => messages::history(state, bot, id(channel), asked),
        ("POST", ["channels", channel, "messages"]) => messages::create(state, bot, id(channel), asked),
        ("POST", ["channels", channel, "messages", "bulk-delete"]) => {
            messages::delete_many(state, bot, id(channel), &asked.body)
        }
        ("GET", ["channels", channel, "messages", message]) => messages::get(state, bot, id(channel), id(message)),
        ("PATCH", ["channels", channel, "messages", message]) => {
            messages::edit(state, bot, id(channel), id(message), asked)
        }
        ("DELETE", ["channels", channel, "messages", message]) => {
            messages::delete(state, bot, id(channel), id(message))
        }
        ("PUT", ["channels", channel, "messages", message, "reactions", emoji, "@me"]) => {
            reactions::put(state, bot, id(channel), id(message), emoji)
        }
        ("DELETE", ["channels", channel, "messages", message, "reactions", emoji, "@me"]) => {
            reactions::delete(state, bot, id(channel), id(message), emoji)
        }
        ("GET", ["channels", channel, "messages", message, "reactions", emoji]) => {
            reactions::list(state, bot, id(channel), id(message), emoji)
        }
        ("PUT", ["channels", channel, "messages", "pins", message] | ["channels", channel, "pins", message]) => {
            messages::pin(state, bot, id(channel), id(message))
        }
        ("POST", ["channels", channel, "messages", message, "threads"]) => {
            threads::from_message(state, bot, id(channel), id(message), &asked.body)
        }
        ("POST", ["channels", channel, "threads"]) => threads::create(state, bot, id(channel), asked),
        ("POST", ["channels", channel, "webhooks"]) => webhooks::create(state, bot, id(channel), &asked.body),
        ("GET", ["channels", channel, "webhooks"]) => webhooks::list(state, bot, id(channel)),
        ("GET", ["webhooks", webhook, secret]) => webhooks::get(state, id(webhook), secret),
        ("POST", ["webhooks", webhook, secret]) => webhooks::execute(state, id(webhook), secret, asked),
        ("GET", ["webhooks", webhook, secret, "messages", message]) => {
            webhooks::message(state, id(webhook), secret, id(message), asked)
        }
        ("PATCH", ["webhooks", webhook, secret, "messages", message]) => {
            webhooks::edit(state, id(webhook), secret, id(message), asked)
        }
        ("DELETE", ["webhooks", webhook, secret, "messages", message]) => {
            webhooks::delete_message(state, id(webhook), secret, id(message), asked)
        }
        _ => return None,
    })
}

fn gateway(state: &State) -> String {
    format!("{}/gateway", state.base.replacen("http", "ws", 1))
}

fn application(state: &State, bot: u64) -> Answer {
    let user = state.user(bot)?;
    Ok(json!({
        "id": user["id"], "name": user["username"], "icon": null, "description": "", "bot_public": true,
        "bot_require_code_grant": false, "verify_key": "00", "team": null, "owner": user, "flags": 0, "summary": "",
        "bot": user,
    }))
}

/// A text field that has to be there.
fn text<'a>(body: &'a Value, key: &str) -> Result<&'a str, ApiError> {
    let found = body[key].as_str().filter(|text| !text.is_empty());
    found.ok_or_else(|| ApiError::form(key, "BASE_TYPE_REQUIRED", "This field is required"))
}
