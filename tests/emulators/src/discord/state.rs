//! What the network knows: people, bots, guilds, channels, messages, files.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};

use super::error::ApiError;
use super::rate::Rates;
use super::time::{iso, now, snowflake};

pub type Fault = crate::fault::Fault<ApiError>;

/// Bits of intents.
pub mod intents {
    pub const GUILDS: u64 = 1;
    pub const GUILD_MEMBERS: u64 = 1 << 1;
    pub const GUILD_WEBHOOKS: u64 = 1 << 5;
    pub const GUILD_PRESENCES: u64 = 1 << 8;
    pub const GUILD_MESSAGES: u64 = 1 << 9;
    pub const GUILD_REACTIONS: u64 = 1 << 10;
    pub const GUILD_TYPING: u64 = 1 << 11;
    pub const MESSAGE_CONTENT: u64 = 1 << 15;
    /// What of these is not given without being asked for on the application's page.
    pub const PRIVILEGED: u64 = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT;
    /// All that there are.
    pub const KNOWN: u64 = ((1 << 17) - 1) | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25;

    /// The bit for direct messages that corresponds to one for guilds.
    pub fn direct(of: u64) -> u64 {
        of << 3
    }
}

/// Bits of permissions.
pub mod permissions {
    pub const KICK: u64 = 1 << 1;
    pub const BAN: u64 = 1 << 2;
    pub const MANAGE_CHANNELS: u64 = 1 << 4;
    pub const ADD_REACTIONS: u64 = 1 << 6;
    pub const VIEW: u64 = 1 << 10;
    pub const SEND: u64 = 1 << 11;
    pub const MANAGE_MESSAGES: u64 = 1 << 13;
    pub const ATTACH: u64 = 1 << 15;
    pub const MANAGE_WEBHOOKS: u64 = 1 << 29;
    /// All but those that make their holder above all others.
    pub const ALL: u64 = (1 << 50) - 1 - (1 << 3);
}

#[derive(Debug)]
pub struct Bot {
    pub user: Value,
    /// privileged intents that the application was given
    pub privileged: u64,
    pub identified: u32,
}

#[derive(Debug)]
pub struct Guild {
    /// name, icon, owner_id and the like
    pub value: Value,
    pub members: BTreeMap<u64, Value>,
    pub roles: Vec<Value>,
    pub emojis: Vec<Value>,
    /// what bots may not do here
    pub denied: u64,
    pub bans: Vec<u64>,
}

#[derive(Debug)]
pub struct Channel {
    /// the channel's object; `guild_id` where it is in one
    pub value: Value,
    pub messages: BTreeMap<u64, Value>,
    /// who has reacted to a message with which emoji, in order
    pub reactions: HashMap<u64, Vec<(Value, Vec<u64>)>>,
    pub pinned: Vec<u64>,
}

impl Channel {
    pub fn guild(&self) -> Option<u64> {
        number(&self.value["guild_id"])
    }

    pub fn kind(&self) -> u64 {
        self.value["type"].as_u64().unwrap_or_default()
    }

    pub fn is_thread(&self) -> bool {
        (10..=12).contains(&self.kind())
    }
}

/// What is to happen on a connection to the gateway.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    Reconnect,
    /// whether the session may be resumed
    Invalid(bool),
    Close(u16),
    /// the line is dead without a word
    Cut,
}

#[derive(Debug)]
pub struct Session {
    pub token: String,
    pub intents: u64,
    /// every dispatch so far: number 1 is the first
    pub sent: Vec<Value>,
    pub orders: VecDeque<Order>,
    /// counts the connections: only the newest is served
    pub connection: u64,
    pub is_open: bool,
    pub resumed: u32,
    /// heartbeats get no answer
    pub is_mute: bool,
    pub heartbeats: u32,
}

#[derive(Clone, Debug)]
pub struct File {
    pub data: Bytes,
    pub mime: String,
    /// the signature that its address has to have; none: it is open to all
    pub signature: Option<String>,
}

/// A call as it came, and the status that it was answered with.
#[derive(Clone, Debug)]
pub struct Call {
    /// as `POST /channels/:id/messages`
    pub route: String,
    pub path: String,
    pub query: HashMap<String, String>,
    pub body: Value,
    pub status: u16,
}

#[derive(Debug)]
pub struct State {
    /// `http://host:port`
    pub base: String,
    pub bots: HashMap<String, Bot>,
    pub users: BTreeMap<u64, Value>,
    pub guilds: BTreeMap<u64, Guild>,
    pub channels: BTreeMap<u64, Channel>,
    pub webhooks: BTreeMap<u64, Value>,
    pub sessions: BTreeMap<String, Session>,
    /// by path under `/cdn/`
    pub files: HashMap<String, File>,
    /// who sent which nonce, the message, and when
    pub nonces: Vec<(u64, String, u64, u64, u64)>,
    pub nonce_window: Duration,
    pub heartbeat: Duration,
    pub rates: Rates,
    pub calls: Vec<Call>,
    pub faults: Vec<(String, Fault)>,
    last_id: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            base: String::new(),
            bots: HashMap::new(),
            users: BTreeMap::new(),
            guilds: BTreeMap::new(),
            channels: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            sessions: BTreeMap::new(),
            files: HashMap::new(),
            nonces: Vec::new(),
            nonce_window: Duration::from_secs(300),
            heartbeat: Duration::from_millis(41_250),
            rates: Rates::default(),
            calls: Vec::new(),
            faults: Vec::new(),
            last_id: 0,
        }
    }
}

/// An id as the platform writes it: a text of digits.
pub fn number(id: &Value) -> Option<u64> {
    id.as_str()?.parse().ok()
}

pub fn id_of(object: &Value) -> u64 {
    number(&object["id"]).unwrap_or_default()
}

impl State {
    pub fn fresh_id(&mut self) -> u64 {
        self.last_id = snowflake(now()).max(self.last_id + 1);
        self.last_id
    }

    pub fn bot(&self, token: &str) -> Result<u64, ApiError> {
        self.bots.get(token).map(|bot| id_of(&bot.user)).ok_or_else(ApiError::unauthorized)
    }

    pub fn user(&self, id: u64) -> Result<Value, ApiError> {
        let bot = || self.bots.values().map(|bot| &bot.user).find(|user| id_of(user) == id);
        self.users.get(&id).or_else(bot).cloned().ok_or_else(|| ApiError::unknown(10013, "User"))
    }

    pub fn guild(&self, id: u64) -> Result<&Guild, ApiError> {
        self.guilds.get(&id).ok_or_else(|| ApiError::unknown(10004, "Guild"))
    }

    pub fn channel(&self, id: u64) -> Result<&Channel, ApiError> {
        self.channels.get(&id).ok_or_else(|| ApiError::unknown(10003, "Channel"))
    }

    pub fn channel_mut(&mut self, id: u64) -> Result<&mut Channel, ApiError> {
        self.channels.get_mut(&id).ok_or_else(|| ApiError::unknown(10003, "Channel"))
    }

    pub fn message(&self, channel: u64, id: u64) -> Result<&Value, ApiError> {
        self.channel(channel)?.messages.get(&id).ok_or_else(|| ApiError::unknown(10008, "Message"))
    }

    pub fn message_mut(&mut self, channel: u64, id: u64) -> Result<&mut Value, ApiError> {
        self.channel_mut(channel)?.messages.get_mut(&id).ok_or_else(|| ApiError::unknown(10008, "Message"))
    }

    /// Whether somebody sees what happens in a channel (or in none: then in a guild).
    pub fn is_in(&self, user: u64, guild: Option<u64>, channel: Option<u64>) -> bool {
        if let Some(guild) = guild {
            return self.guilds.get(&guild).is_some_and(|guild| guild.members.contains_key(&user));
        }
        let recipients = channel.and_then(|channel| self.channels.get(&channel)).map(|c| &c.value["recipients"]);
        recipients.and_then(Value::as_array).is_some_and(|list| list.iter().any(|one| id_of(one) == user))
            || channel.and_then(|c| self.channels.get(&c)).is_some_and(|c| number(&c.value["bot"]) == Some(user))
    }

    /// The channel that a bot's call names, where it may do this.
    pub fn allowed(&self, user: u64, channel: u64, needed: u64) -> Result<&Channel, ApiError> {
        let found = self.channel(channel)?;
        let guild = found.guild();
        if !self.is_in(user, guild, Some(channel)) {
            return Err(ApiError::forbidden(50001, "Missing Access"));
        }
        let denied = guild.and_then(|guild| self.guilds.get(&guild)).map_or(0, |guild| guild.denied);
        if denied & permissions::VIEW != 0 {
            return Err(ApiError::forbidden(50001, "Missing Access"));
        }
        if denied & needed != 0 {
            return Err(ApiError::missing_permissions());
        }
        Ok(found)
    }

    /// Tells every session that sees it and has asked for it.
    pub fn dispatch(&mut self, channel: Option<u64>, guild: Option<u64>, intent: u64, kind: &str, data: &Value) {
        let intent = if guild.is_none() && intent > intents::GUILDS { intents::direct(intent) } else { intent };
        let tokens: Vec<(String, u64)> =
            self.bots.iter().map(|(token, bot)| (token.clone(), id_of(&bot.user))).collect();
        for (token, user) in tokens {
            if !self.is_in(user, guild, channel) {
                continue;
            }
            for session in self.sessions.values_mut().filter(|session| session.token == token) {
                let is_private = guild.is_none() && intent == intents::GUILDS;
                if session.intents & intent != 0 || is_private {
                    session.push(kind, hidden(data, user, session.intents));
                }
            }
        }
    }

    /// A member as an event carries it beside the user.
    pub fn member_of(&self, guild: u64, user: u64) -> Option<Value> {
        let mut member = self.guilds.get(&guild)?.members.get(&user)?.clone();
        member.as_object_mut()?.remove("user");
        Some(member)
    }

    pub fn keep_file(&mut self, path: &str, data: Bytes, mime: &str, is_signed: bool) -> String {
        let signature = is_signed.then(|| format!("{:x}", self.fresh_id()));
        let query = signature.as_ref().map(|hm| format!("?ex=7fffffff&is=1&hm={hm}")).unwrap_or_default();
        let url = format!("{}/cdn/{path}{query}", self.base);
        self.files.insert(path.to_owned(), File { data, mime: mime.to_owned(), signature });
        url
    }
}

impl Session {
    pub fn push(&mut self, kind: &str, data: Value) {
        let number = self.sent.len() + 1;
        self.sent.push(json!({"op": 0, "t": kind, "s": number, "d": data}));
    }
}

/// Without the intent for content a bot sees only what is its own, to it alone, or mentions it.
fn hidden(data: &Value, bot: u64, intents: u64) -> Value {
    let mut data = data.clone();
    let is_message = data.get("content").is_some() && data.get("author").is_some();
    let mentions = data["mentions"].as_array().is_some_and(|list| list.iter().any(|one| id_of(one) == bot));
    let is_open = intents & intents::MESSAGE_CONTENT != 0
        || data.get("guild_id").is_none()
        || mentions
        || id_of(&data["author"]) == bot;
    if is_message && !is_open {
        data["content"] = "".into();
        for list in ["embeds", "attachments", "components"] {
            data[list] = json!([]);
        }
        if let Some(object) = data.as_object_mut() {
            object.remove("poll");
        }
    }
    data
}

pub fn timestamp() -> String {
    iso(now())
}
