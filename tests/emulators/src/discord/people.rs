//! What people on the network do: as a test tells them.

use serde_json::{Value, json};

use super::Discord;
use super::error::ApiError;
use super::http::Asked;
use super::methods::{guilds, messages, reactions, threads};
use super::state::{Bot, Channel, Guild, State, id_of, intents, permissions, timestamp};
use crate::form::Upload;

pub const TEXT: u64 = 0;
pub const FORUM: u64 = 15;

fn user(id: u64, name: &str) -> Value {
    json!({
        "id": id.to_string(), "username": name.to_lowercase(), "global_name": name, "discriminator": "0",
        "avatar": null, "bot": false, "public_flags": 0, "flags": 0, "banner": null, "accent_color": null,
    })
}

fn member(user: Value) -> Value {
    json!({
        "user": user, "nick": null, "avatar": null, "roles": [], "joined_at": timestamp(), "premium_since": null,
        "deaf": false, "mute": false, "flags": 0, "pending": false, "communication_disabled_until": null,
    })
}

impl Discord {
    /// A bot with all privileged intents; answers its token.
    pub fn bot(&self, id: u64, name: &str) -> String {
        // As real ones look: the id in base64, and two more parts.
        let token = format!("{}.AAAAAA.secret-of-{}", base64(id.to_string().as_bytes()), name.to_lowercase());
        let mut user = user(id, name);
        (user["bot"], user["global_name"], user["verified"]) = (true.into(), Value::Null, true.into());
        (user["mfa_enabled"], user["email"]) = (false.into(), Value::Null);
        let bot = Bot { user, privileged: intents::PRIVILEGED, identified: 0 };
        self.shared.change(|state| state.bots.insert(token.clone(), bot));
        token
    }

    /// What of the privileged intents a bot has from now on.
    pub fn set_privileged(&self, token: &str, wanted: u64) {
        self.shared.change(|state| {
            if let Some(bot) = state.bots.get_mut(token) {
                bot.privileged = wanted;
            }
        });
    }

    /// Its token is worth nothing any more.
    pub fn revoke(&self, token: &str) {
        self.shared.change(|state| state.bots.remove(token));
        self.shared.change(|state| {
            for session in state.sessions.values_mut().filter(|session| session.token == token) {
                session.orders.push_back(super::Order::Close(4004));
            }
        });
    }

    pub fn user(&self, id: u64, name: &str) {
        self.shared.change(|state| state.users.insert(id, user(id, name)));
    }

    pub fn set_avatar(&self, user: u64, data: &[u8]) {
        self.shared.change(|state| {
            let hash = format!("{:032x}", state.fresh_id());
            let path = format!("avatars/{user}/{hash}.png");
            state.keep_file(&path, data.to_vec().into(), "image/png", false);
            if let Some(user) = state.users.get_mut(&user) {
                user["avatar"] = hash.into();
            }
        });
    }

    /// A guild of these people and bots; the first is its owner. One text channel is in it.
    pub fn guild(&self, name: &str, people: &[u64], channel: &str) -> (u64, u64) {
        let guild = self.shared.change(|state| {
            let id = state.fresh_id();
            let everyone = json!({
                "id": id.to_string(), "name": "@everyone", "color": 0, "hoist": false, "icon": null,
                "unicode_emoji": null, "position": 0, "permissions": permissions::ALL.to_string(), "managed": false,
                "mentionable": false, "flags": 0,
                "colors": {"primary_color": 0, "secondary_color": null, "tertiary_color": null},
            });
            let owner = people.first().copied().unwrap_or_default().to_string();
            let members = people.iter().filter_map(|id| Some((*id, member(state.user(*id).ok()?)))).collect();
            let guild = Guild {
                value: json!({"name": name, "owner_id": owner}),
                members,
                roles: vec![everyone],
                emojis: Vec::new(),
                denied: 0,
                bans: Vec::new(),
            };
            state.guilds.insert(id, guild);
            id
        });
        let channel = self.shared.change(|state| add_channel(state, guild, TEXT, channel));
        self.shared.change(|state| tell_guild(state, guild));
        (guild, channel)
    }

    /// A new channel of a guild.
    pub fn add_channel(&self, guild: u64, kind: u64, name: &str) -> u64 {
        self.shared.change(|state| {
            let id = add_channel(state, guild, kind, name);
            let value = state.channels[&id].value.clone();
            state.dispatch(Some(id), Some(guild), intents::GUILDS, "CHANNEL_CREATE", &value);
            id
        })
    }

    /// A channel's fields change.
    pub fn change_channel(&self, channel: u64, fields: &Value) {
        self.shared.change(|state| {
            let Some(found) = state.channels.get_mut(&channel) else { return };
            for (key, value) in fields.as_object().into_iter().flatten() {
                found.value[key.as_str()] = value.clone();
            }
            let (value, guild) = (found.value.clone(), found.guild());
            state.dispatch(Some(channel), guild, intents::GUILDS, "CHANNEL_UPDATE", &value);
        });
    }

    pub fn delete_channel(&self, channel: u64) {
        self.shared.change(|state| {
            let Some(found) = state.channels.get(&channel) else { return };
            let (value, guild, is_thread) = (found.value.clone(), found.guild(), found.is_thread());
            let kind = if is_thread { "THREAD_DELETE" } else { "CHANNEL_DELETE" };
            state.dispatch(Some(channel), guild, intents::GUILDS, kind, &value);
            state.channels.remove(&channel);
        });
    }

    /// What bots may not do in a guild from now on.
    pub fn deny(&self, guild: u64, what: u64) {
        self.shared.change(|state| {
            if let Some(guild) = state.guilds.get_mut(&guild) {
                guild.denied = what;
            }
        });
    }

    /// A custom emoji of a guild; its id.
    pub fn add_emoji(&self, guild: u64, name: &str, is_animated: bool, data: &[u8]) -> u64 {
        self.shared.change(|state| {
            let id = state.fresh_id();
            let emoji = json!({
                "id": id.to_string(), "name": name, "roles": [], "require_colons": true, "managed": false,
                "animated": is_animated, "available": true,
            });
            let end = if is_animated { "gif" } else { "png" };
            state.keep_file(&format!("emojis/{id}.{end}"), data.to_vec().into(), &format!("image/{end}"), false);
            let Some(found) = state.guilds.get_mut(&guild) else { return id };
            found.emojis.push(emoji);
            let data = json!({"guild_id": guild.to_string(), "emojis": found.emojis});
            state.dispatch(None, Some(guild), 1 << 3, "GUILD_EMOJIS_UPDATE", &data);
            id
        })
    }

    /// Somebody comes into a guild, a bot too: it is then told of the guild.
    pub fn join(&self, guild: u64, user: u64) {
        self.shared.change(|state| {
            let Ok(value) = state.user(user) else { return };
            let mut data = member(value);
            if let Some(guild) = state.guilds.get_mut(&guild) {
                guild.members.insert(user, data.clone());
            }
            data["guild_id"] = guild.to_string().into();
            if state.bots.values().any(|bot| id_of(&bot.user) == user) {
                return tell_guild(state, guild);
            }
            state.dispatch(None, Some(guild), intents::GUILD_MEMBERS, "GUILD_MEMBER_ADD", &data);
        });
    }

    pub fn leave(&self, guild: u64, user: u64) -> Result<(), ApiError> {
        self.shared.change(|state| guilds::leave(state, guild, user))
    }

    /// A member is called otherwise in a guild.
    pub fn set_nick(&self, guild: u64, user: u64, nick: &str) {
        self.shared.change(|state| {
            let found = state.guilds.get_mut(&guild).and_then(|guild| guild.members.get_mut(&user));
            let Some(found) = found else { return };
            found["nick"] = nick.into();
            let mut data = found.clone();
            data["guild_id"] = guild.to_string().into();
            state.dispatch(None, Some(guild), intents::GUILD_MEMBERS, "GUILD_MEMBER_UPDATE", &data);
        });
    }

    /// The private channel of a bot and somebody.
    pub fn private(&self, bot: u64, user: u64) -> u64 {
        self.shared.change(|state| {
            let id = state.fresh_id();
            let recipient = state.user(user).unwrap_or_default();
            let value = json!({
                "id": id.to_string(), "type": 1, "last_message_id": null, "flags": 0, "recipients": [recipient],
                "bot": bot.to_string(),
            });
            state.channels.insert(id, channel(value));
            id
        })
    }

    /// Somebody writes; the message's id.
    pub fn say(&self, channel: u64, user: u64, text: &str) -> Result<u64, ApiError> {
        self.post(channel, user, json!({"content": text}))
    }

    /// A message with these fields: `content`, `embeds`, `sticker_items`, `poll`, `type`, …
    pub fn post(&self, channel: u64, user: u64, fields: Value) -> Result<u64, ApiError> {
        self.shared.change(|state| messages::put(state, user, channel, fields, Vec::new())).map(|m| id_of(&m))
    }

    /// An answer to a message of the same channel.
    pub fn reply(&self, channel: u64, user: u64, to: u64, text: &str) -> Result<u64, ApiError> {
        let reference = json!({"type": 0, "channel_id": channel.to_string(), "message_id": to.to_string()});
        self.post(channel, user, json!({"type": 19, "content": text, "message_reference": reference}))
    }

    /// A message with a file, of which `about` says more: `width`, `duration_secs`, …
    pub fn post_file(
        &self,
        channel: u64,
        user: u64,
        fields: Value,
        file: (&str, &str, &[u8]),
        about: Value,
    ) -> Result<u64, ApiError> {
        let (name, mime, data) = file;
        let upload = Upload { file_name: name.to_owned(), mime: mime.to_owned(), data: data.to_vec().into() };
        self.shared
            .change(|state| messages::put(state, user, channel, fields, vec![(upload, about)]))
            .map(|message| id_of(&message))
    }

    /// Changes a message's fields.
    pub fn edit(&self, channel: u64, message: u64, fields: Value) -> Result<(), ApiError> {
        let asked = Asked { body: fields, ..Asked::default() };
        self.shared.change(|state| messages::change(state, channel, message, &asked)).map(drop)
    }

    /// The platform itself adds something to a message that nobody has edited, as the preview of a link.
    pub fn amend(&self, channel: u64, message: u64, fields: &Value) -> Result<(), ApiError> {
        self.shared.change(|state| {
            let found = state.message_mut(channel, message)?;
            for (key, value) in fields.as_object().into_iter().flatten() {
                found[key.as_str()] = value.clone();
            }
            messages::tell_change(state, channel, message)
        })
    }

    pub fn delete(&self, channel: u64, message: u64) -> Result<(), ApiError> {
        self.shared.change(|state| messages::remove(state, channel, message))
    }

    pub fn react(&self, channel: u64, message: u64, user: u64, emoji: &str) -> Result<(), ApiError> {
        self.shared.change(|state| reactions::put(state, user, channel, message, emoji)).map(drop)
    }

    pub fn unreact(&self, channel: u64, message: u64, user: u64, emoji: &str) -> Result<(), ApiError> {
        self.shared.change(|state| reactions::delete(state, user, channel, message, emoji)).map(drop)
    }

    pub fn pin(&self, channel: u64, user: u64, message: u64) -> Result<(), ApiError> {
        self.shared.change(|state| messages::pin(state, user, channel, message)).map(drop)
    }

    pub fn type_in(&self, channel: u64, user: u64) -> Result<(), ApiError> {
        self.shared.change(|state| super::methods::channels::typing(state, user, channel)).map(drop)
    }

    /// A thread that begins with a message.
    pub fn open_thread(&self, channel: u64, user: u64, message: u64, name: &str) -> Result<u64, ApiError> {
        self.shared
            .change(|state| threads::from_message(state, user, channel, message, &json!({"name": name})))
            .map(|thread| id_of(&thread))
    }

    /// A forum's new post, with its first message.
    pub fn open_post(&self, forum: u64, user: u64, name: &str, text: &str) -> Result<u64, ApiError> {
        let body = json!({"name": name, "message": {"content": text}});
        let asked = Asked { body, ..Asked::default() };
        self.shared.change(|state| threads::create(state, user, forum, &asked)).map(|thread| id_of(&thread))
    }
}

fn channel(value: Value) -> Channel {
    Channel { value, messages: Default::default(), reactions: Default::default(), pinned: Vec::new() }
}

fn add_channel(state: &mut State, guild: u64, kind: u64, name: &str) -> u64 {
    let id = state.fresh_id();
    let value = json!({
        "id": id.to_string(), "type": kind, "guild_id": guild.to_string(), "name": name, "position": 0, "topic": null,
        "nsfw": false, "last_message_id": null, "parent_id": null, "permission_overwrites": [],
        "rate_limit_per_user": 0, "flags": 0, "last_pin_timestamp": null, "default_auto_archive_duration": 1440,
        "available_tags": [], "default_reaction_emoji": null, "default_sort_order": null, "default_forum_layout": 0,
        "default_thread_rate_limit_per_user": 0,
    });
    state.channels.insert(id, channel(value));
    id
}

/// Bots in a guild are told all of it.
fn tell_guild(state: &mut State, guild: u64) {
    let of: Vec<u64> = state.sessions.values().map(|session| session.intents).collect();
    let wanted = of.into_iter().fold(0, |all, one| all | one);
    let value = guilds::whole(state, guild, wanted);
    state.dispatch(None, Some(guild), intents::GUILDS, "GUILD_CREATE", &value);
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for letter in 0..=chunk.len() {
            out.push(char::from(LETTERS[(bits >> (18 - 6 * letter) & 63) as usize]));
        }
    }
    out
}
