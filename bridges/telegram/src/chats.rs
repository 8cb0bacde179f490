//! Chats: their rows, their portals, and what the engine asks about them.

use causeway_sdk::remote::{Avatar, ChatKind, Member, Membership};
use causeway_sdk::{ChatInfo, Error, ErrorKind, GhostInfo, PortalKey, RemoteEvent, RemoteKind, Resolved, time};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::{self, ChatType};
use crate::client::Session;
use crate::id;

/// By its number.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Chat {
    pub kind: ChatType,
    pub title: String,
    pub username: Option<String>,
    pub description: Option<String>,
    /// of the photo: Telegram's id, and the file here
    pub photo: Option<(String, String)>,
    /// the number that its portal is named after: that of the group it was, if it has become a supergroup
    pub portal: i64,
    /// its message numbers are the bot's own, so the portal is too
    pub is_own: bool,
    /// the supergroup that it has become
    pub moved_to: Option<i64>,
    /// names of its topics, by their number
    #[serde(default)]
    pub topics: std::collections::BTreeMap<i64, String>,
}

impl Session {
    /// The portal of a chat, or of one of its topics.
    pub fn portal(&self, chat: i64, topic: Option<i64>) -> PortalKey {
        let row = self.chats.get(&chat.to_string());
        let named = row.map_or(chat, |row| row.portal);
        let receiver = row.is_none_or(|row| row.is_own).then(|| self.login.clone());
        PortalKey { id: id::portal(named, topic), receiver }
    }

    /// The chat of a portal as it is now, and the topic.
    pub fn target(&self, portal: &PortalKey) -> Option<(i64, Option<i64>)> {
        let (mut chat, topic) = id::parse_portal(&portal.id)?;
        while let Some(next) = self.chats.get(&chat.to_string()).and_then(|row| row.moved_to) {
            chat = next;
        }
        Some((chat, topic))
    }

    /// Remembers a chat as an update shows it; what a new one looks like is asked for.
    pub fn note_chat(&mut self, chat: &api::Chat) {
        let key = chat.id.to_string();
        let title = match &chat.title {
            Some(title) => title.clone(),
            None => api::User {
                first_name: chat.first_name.clone().unwrap_or_default(),
                last_name: chat.last_name.clone(),
                ..api::User::default()
            }
            .name(),
        };
        match self.chats.get(&key) {
            Some(row) if row.title == title && row.username == chat.username => {}
            Some(_) => {
                if let Some(row) = self.chats.get_mut(&key) {
                    (row.title, row.username) = (title, chat.username.clone());
                }
                self.tell_chat(chat.id);
            }
            None => {
                let is_own = matches!(chat.kind, ChatType::Private | ChatType::Group);
                let row = Chat {
                    kind: chat.kind,
                    title,
                    username: chat.username.clone(),
                    portal: chat.id,
                    is_own,
                    ..Chat::default()
                };
                self.chats.insert(&key, row);
                if chat.kind != ChatType::Private {
                    self.make_stale(&format!("chat {}", chat.id));
                }
            }
        }
    }

    /// A group has become a supergroup: both are one portal. Known from either side, whichever is told first.
    pub fn move_chat(&mut self, old: i64, new: i64) {
        let before = self.chats.get(&old.to_string()).cloned().unwrap_or_else(|| Chat {
            kind: ChatType::Group,
            portal: old,
            is_own: true,
            ..Chat::default()
        });
        if before.moved_to == Some(new) {
            return;
        }
        self.chats.insert(&new.to_string(), Chat { kind: ChatType::Supergroup, moved_to: None, ..before.clone() });
        self.chats.insert(&old.to_string(), Chat { moved_to: Some(new), ..before });
    }

    /// Submits what is known of a chat, where it has a room.
    pub fn tell_chat(&mut self, chat: i64) {
        let portal = self.portal(chat, None);
        let event = RemoteEvent {
            sender: id::ghost(self.me.id),
            at: time::now(),
            order: 0,
            key: self.own_key(),
            create_portal: false,
            kind: RemoteKind::ChatInfo(self.info_of(chat, None)),
            portal,
        };
        self.submit(event);
    }

    /// A key for what Telegram gives no name.
    pub fn own_key(&mut self) -> String {
        *self.place += 1;
        format!("{}/{}", self.login, *self.place)
    }

    pub fn info_of(&self, chat: i64, topic: Option<i64>) -> ChatInfo {
        let row = self.chats.get(&chat.to_string()).cloned().unwrap_or_default();
        let kind = match row.kind {
            ChatType::Private => ChatKind::Dm,
            ChatType::Channel => ChatKind::Channel,
            ChatType::Group | ChatType::Supergroup => ChatKind::Group,
        };
        let name = match topic {
            Some(topic) => {
                let topic = row.topics.get(&topic).cloned().unwrap_or_else(|| format!("topic {topic}"));
                format!("{} / {topic}", row.title)
            }
            None => row.title.clone(),
        };
        // A private chat is called after who is in it.
        let is_private = row.kind == ChatType::Private;
        let person = Member {
            who: id::ghost(chat),
            membership: Membership::Join,
            power: None,
            nick: Some(row.title.clone()),
            reason: None,
        };
        ChatInfo {
            kind,
            name: Some(name).filter(|name| !name.is_empty() && !is_private),
            topic: row.description.filter(|_| topic.is_none()),
            avatar: row.photo.map(|(id, uri)| Avatar { id, source: Some(uri), remove: false }),
            parent: None,
            members: is_private.then(|| vec![person]),
            members_complete: false,
            disappear_after_ms: None,
            can_backfill: false,
            join_rule: None,
            extra: None,
        }
    }

    pub fn chat_info(&self, portal: &PortalKey) -> Result<ChatInfo, Error> {
        let unknown = || Error::new(ErrorKind::NotFound, format!("the bot is in no chat {}", portal.id));
        let (chat, topic) = self.target(portal).ok_or_else(unknown)?;
        self.chats.get(&chat.to_string()).ok_or_else(unknown)?;
        Ok(self.info_of(chat, topic))
    }

    /// `@name` or a chat's number: a group or channel that the bot is in, or somebody who has written to it.
    pub fn resolve(&mut self, identifier: &str, create_dm: bool) -> Result<Resolved, Error> {
        let identifier = identifier.trim().trim_start_matches("https://t.me/");
        let named: serde_json::Value = match identifier.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => format!("@{}", identifier.trim_start_matches('@')).into(),
        };
        let chat: api::Chat = self.send("getChat", json!({"chat_id": named})).map_err(|failure| {
            let text = failure.text().to_owned();
            Error::new(
                ErrorKind::NotFound,
                format!("a bot finds only chats that it is in, and who wrote to it: {text}"),
            )
        })?;
        self.note_chat(&chat);
        let ghost = GhostInfo { id: String::new(), name: None, avatar: None, is_bot: false, identifiers: Vec::new() };
        let ghost = match chat.kind {
            ChatType::Private => self.ghost_info(&chat.id.to_string()),
            _ => ghost,
        };
        if chat.kind == ChatType::Private && !create_dm {
            return Ok(Resolved { ghost, chat: None, info: None });
        }
        Ok(Resolved { ghost, chat: Some(self.portal(chat.id, None)), info: Some(self.info_of(chat.id, None)) })
    }
}
