//! What the network knows: people, bots, chats, messages, files.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::params::Params;

/// Kinds of updates that nobody gets without asking for them.
const ON_REQUEST: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

#[derive(Debug)]
pub struct Bot {
    /// as `getMe` answers it
    pub user: Value,
    pub updates: VecDeque<Value>,
    pub next_update: i64,
    /// none: all but those of [`ON_REQUEST`]
    pub allowed: Option<Vec<String>>,
    pub webhook: Option<String>,
    /// counts the calls of `getUpdates`: only the newest may wait
    pub poll: u64,
    /// of its private chats and basic groups, which count together
    pub next_message: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatType {
    Private,
    Group,
    Supergroup,
    Channel,
}

impl ChatType {
    pub fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Group => "group",
            Self::Supergroup => "supergroup",
            Self::Channel => "channel",
        }
    }
}

#[derive(Debug)]
pub struct Chat {
    pub id: i64,
    pub kind: ChatType,
    pub title: String,
    pub username: Option<String>,
    pub description: Option<String>,
    pub is_forum: bool,
    /// `ChatPhoto`
    pub photo: Option<Value>,
    /// status by user: `creator`, `administrator`, `member`, `left`, `kicked`
    pub members: BTreeMap<i64, String>,
    pub messages: BTreeMap<i64, Value>,
    pub next_message: i64,
    pub migrated_to: Option<i64>,
    /// emojis by message and user
    pub reactions: HashMap<(i64, i64), Vec<Value>>,
    pub pinned: Vec<i64>,
}

#[derive(Clone, Debug)]
pub struct File {
    pub path: String,
    pub data: Bytes,
    /// told where it is not that of the data
    pub size: u64,
}

/// A call as it came, and the code that it was answered with.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub params: Params,
    pub code: u16,
}

pub type Fault = crate::fault::Fault<ApiError>;

#[derive(Default, Debug)]
pub struct State {
    /// by token
    pub bots: HashMap<String, Bot>,
    pub users: BTreeMap<i64, Value>,
    pub chats: BTreeMap<i64, Chat>,
    pub files: HashMap<String, File>,
    pub profile_photos: HashMap<i64, Value>,
    pub calls: Vec<Call>,
    pub faults: Vec<(String, Fault)>,
    pub next_id: i64,
}

pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs() as i64)
}

pub fn id_of(user: &Value) -> i64 {
    user["id"].as_i64().unwrap_or_default()
}

/// Length in the units that Telegram counts in.
pub fn units(text: &str) -> i64 {
    text.encode_utf16().count() as i64
}

impl State {
    pub fn fresh_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    pub fn chat(&self, id: i64) -> Result<&Chat, ApiError> {
        self.chats.get(&id).ok_or_else(|| ApiError::bad("chat not found"))
    }

    pub fn chat_mut(&mut self, id: i64) -> Result<&mut Chat, ApiError> {
        self.chats.get_mut(&id).ok_or_else(|| ApiError::bad("chat not found"))
    }

    pub fn chat_by_name(&self, name: &str) -> Option<i64> {
        let name = name.strip_prefix('@')?;
        self.chats.values().find(|chat| chat.username.as_deref() == Some(name)).map(|chat| chat.id)
    }

    /// `Chat` as messages carry it.
    pub fn brief(&self, chat: &Chat) -> Value {
        let mut brief = json!({"id": chat.id, "type": chat.kind.name()});
        if chat.kind == ChatType::Private {
            let user = self.users.get(&chat.id).cloned().unwrap_or_default();
            for key in ["first_name", "last_name", "username"] {
                if !user[key].is_null() {
                    brief[key] = user[key].clone();
                }
            }
        } else {
            brief["title"] = chat.title.clone().into();
            if let Some(username) = &chat.username {
                brief["username"] = username.clone().into();
            }
            if chat.is_forum {
                brief["is_forum"] = true.into();
            }
        }
        brief
    }

    /// The tokens of the bots in a chat, and whether each is an administrator there.
    fn bots_in(&self, chat: &Chat) -> Vec<(String, bool)> {
        let status = |bot: &Bot| chat.members.get(&id_of(&bot.user)).map(String::as_str);
        self.bots
            .iter()
            .filter_map(|(token, bot)| match status(bot)? {
                "administrator" | "creator" => Some((token.clone(), true)),
                "member" => Some((token.clone(), false)),
                _ => None,
            })
            .collect()
    }

    pub fn enqueue(&mut self, token: &str, kind: &str, content: Value) {
        let Some(bot) = self.bots.get_mut(token) else { return };
        let wanted = match &bot.allowed {
            Some(allowed) => allowed.iter().any(|name| name == kind),
            None => !ON_REQUEST.contains(&kind),
        };
        if wanted {
            bot.next_update += 1;
            bot.updates.push_back(json!({"update_id": bot.next_update, kind: content}));
        }
    }

    /// To every bot in the chat that may see it; `only_admins`: what is told to administrators alone.
    pub fn tell(&mut self, chat_id: i64, kind: &str, content: &Value, only_admins: bool) {
        let Some(chat) = self.chats.get(&chat_id) else { return };
        for (token, is_admin) in self.bots_in(chat) {
            let chat = &self.chats[&chat_id];
            let is_own = self.bots[&token].user["id"] == content["from"]["id"];
            let is_private = chat.kind == ChatType::Private || chat.kind == ChatType::Channel;
            let is_shown = is_admin || is_private || self.passes_privacy(&token, content);
            if !is_own && is_shown && (is_admin || !only_admins) {
                self.enqueue(&token, kind, content.clone());
            }
        }
    }

    /// Privacy mode: commands, service messages, mentions of the bot and replies to it.
    fn passes_privacy(&self, token: &str, message: &Value) -> bool {
        let user = &self.bots[token].user;
        let text = message["text"].as_str().or(message["caption"].as_str());
        let is_about_it = text.is_some_and(|text| {
            text.starts_with('/') || text.contains(&format!("@{}", user["username"].as_str().unwrap_or_default()))
        });
        let is_service = text.is_none() && !CONTENT.iter().any(|key| message.get(*key).is_some());
        user["can_read_all_group_messages"] == true
            || is_about_it
            || is_service
            || message["reply_to_message"]["from"]["id"] == user["id"]
    }

    /// A new message in a chat by a user (or the chat itself, in channels) with these fields; its id is its own.
    pub fn add_message(&mut self, chat_id: i64, from: i64, fields: Map<String, Value>) -> Result<Value, ApiError> {
        let chat = self.chat(chat_id)?;
        let mut message = json!({"date": now(), "chat": self.brief(chat)});
        let kind = chat.kind;
        if kind == ChatType::Channel {
            message["sender_chat"] = message["chat"].clone();
        } else {
            let user = self.users.get(&from).or_else(|| self.bot_user(from));
            message["from"] = user.cloned().ok_or_else(|| ApiError::bad("user not found"))?;
        }
        // A reply shows what it answers, but not what that answered.
        if let Some(target) = fields.get("reply_to").and_then(Value::as_i64) {
            let target = self.chat(chat_id)?.messages.get(&target);
            let mut target = target.cloned().ok_or_else(|| ApiError::bad("message to be replied not found"))?;
            if let Some(target) = target.as_object_mut() {
                target.remove("reply_to_message");
            }
            message["reply_to_message"] = target;
        }
        let id = self.next_message(chat_id)?;
        message["message_id"] = id.into();
        for (key, value) in fields.into_iter().filter(|(key, _)| key != "reply_to") {
            message[key] = value;
        }
        self.chat_mut(chat_id)?.messages.insert(id, message.clone());
        Ok(message)
    }

    pub fn bot_user(&self, id: i64) -> Option<&Value> {
        self.bots.values().map(|bot| &bot.user).find(|user| id_of(user) == id)
    }

    /// Supergroups and channels count their messages; of other chats each account counts all together.
    fn next_message(&mut self, chat_id: i64) -> Result<i64, ApiError> {
        let chat = self.chat(chat_id)?;
        if matches!(chat.kind, ChatType::Private | ChatType::Group) {
            let of = self.bots.values_mut().find(|bot| chat_has(&self.chats[&chat_id], id_of(&bot.user)));
            if let Some(bot) = of {
                bot.next_message += 1;
                return Ok(bot.next_message);
            }
        }
        let chat = self.chat_mut(chat_id)?;
        chat.next_message += 1;
        Ok(chat.next_message)
    }

    /// Keeps a file and answers `file_id`, `file_unique_id`, `file_size`.
    pub fn keep_file(&mut self, name: &str, data: Bytes) -> Value {
        let number = self.fresh_id();
        let file_id = format!("file-{number}");
        let extension = name.rsplit_once('.').map_or("bin", |(_, extension)| extension);
        let size = data.len() as u64;
        let file = File { path: format!("documents/file_{number}.{extension}"), data, size };
        self.files.insert(file_id.clone(), file);
        json!({"file_id": file_id, "file_unique_id": format!("unique-{number}"), "file_size": size})
    }
}

fn chat_has(chat: &Chat, user: i64) -> bool {
    chat.members.contains_key(&user)
}

/// Fields of messages that are no service messages.
pub const CONTENT: [&str; 13] = [
    "text",
    "photo",
    "document",
    "video",
    "voice",
    "audio",
    "video_note",
    "animation",
    "sticker",
    "location",
    "contact",
    "poll",
    "venue",
];
