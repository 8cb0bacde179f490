//! What people on the network do: as a test tells them.

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use super::Telegram;
use super::error::ApiError;
use super::state::{Bot, Chat, ChatType, id_of, now};

/// Ids of supergroups and channels begin with this.
const SUPERGROUPS: i64 = -1_000_000_000_000;

fn chat(id: i64, kind: ChatType, title: &str) -> Chat {
    Chat {
        id,
        kind,
        title: title.to_owned(),
        username: None,
        description: None,
        is_forum: false,
        photo: None,
        members: Default::default(),
        messages: Default::default(),
        next_message: 0,
        migrated_to: None,
        reactions: Default::default(),
        pinned: Vec::new(),
    }
}

impl Telegram {
    /// A bot that sees all messages of its groups; answers its token.
    pub fn bot(&self, id: i64, name: &str, username: &str) -> String {
        let token = format!("{id}:secret-of-{username}");
        let user = json!({
            "id": id, "is_bot": true, "first_name": name, "username": username, "can_join_groups": true,
            "can_read_all_group_messages": true, "supports_inline_queries": false, "can_connect_to_business": false,
            "has_main_web_app": false,
        });
        let bot = Bot {
            user,
            updates: Default::default(),
            next_update: 1000,
            allowed: None,
            webhook: None,
            poll: 0,
            next_message: 0,
        };
        self.shared.change(|state| state.bots.insert(token.clone(), bot));
        token
    }

    /// From now on it sees only what privacy mode lets through.
    pub fn enable_privacy(&self, token: &str) {
        self.shared.change(|state| {
            if let Some(bot) = state.bots.get_mut(token) {
                bot.user["can_read_all_group_messages"] = false.into();
            }
        });
    }

    /// Updates that it has not asked for yet are gone.
    pub fn forget_updates(&self, token: &str) {
        self.shared.change(|state| {
            if let Some(bot) = state.bots.get_mut(token) {
                bot.updates.clear();
            }
        });
    }

    /// Its token is worth nothing any more.
    pub fn revoke(&self, token: &str) {
        self.shared.change(|state| state.bots.remove(token));
    }

    pub fn user(&self, id: i64, first_name: &str, username: &str) {
        let user = json!({"id": id, "is_bot": false, "first_name": first_name, "username": username});
        self.shared.change(|state| state.users.insert(id, user));
    }

    pub fn rename(&self, user: i64, first_name: &str) {
        self.shared.change(|state| {
            if let Some(user) = state.users.get_mut(&user) {
                user["first_name"] = first_name.into();
            }
        });
    }

    pub fn profile_photo(&self, user: i64, data: &[u8]) {
        self.shared.change(|state| {
            let mut photo = state.keep_file("photo.jpg", Bytes::copy_from_slice(data));
            (photo["width"], photo["height"]) = (160.into(), 160.into());
            state.profile_photos.insert(user, json!([photo]));
        });
    }

    /// A user begins to talk with a bot; answers the chat's id.
    pub fn private(&self, token: &str, user: i64) -> i64 {
        self.shared.change(|state| {
            let bot = id_of(&state.bots[token].user);
            let chat = state.chats.entry(user).or_insert_with(|| chat(user, ChatType::Private, ""));
            chat.members.insert(bot, "member".into());
            chat.members.insert(user, "member".into());
            user
        })
    }

    /// A group of people, with a number that makes its id; no bot is in it yet.
    pub fn group(&self, kind: ChatType, number: i64, title: &str, users: &[i64]) -> i64 {
        let id = if kind == ChatType::Group { -number } else { SUPERGROUPS - number };
        self.shared.change(|state| {
            let mut chat = chat(id, kind, title);
            chat.members = users.iter().map(|user| (*user, "member".to_owned())).collect();
            if let Some(first) = users.first() {
                chat.members.insert(*first, "creator".into());
            }
            state.chats.insert(id, chat);
        });
        id
    }

    /// A group's topics are open from now on.
    pub fn make_forum(&self, chat: i64) {
        self.shared.change(|state| {
            if let Some(chat) = state.chats.get_mut(&chat) {
                chat.is_forum = true;
            }
        });
    }

    /// Somebody's standing in a chat changes, a bot's too: `member`, `administrator`, `left`, `kicked`.
    pub fn set_member(&self, chat_id: i64, by: i64, user: i64, status: &str) {
        self.shared.change(|state| {
            let chat = &state.chats[&chat_id];
            let before = chat.members.get(&user).cloned().unwrap_or_else(|| "left".into());
            let kind = chat.kind;
            let brief = state.brief(&state.chats[&chat_id]);
            let of = state.users.get(&user).or_else(|| state.bot_user(user)).cloned().unwrap_or_default();
            let member = |status: &str| json!({"user": of, "status": status});
            let change = json!({
                "chat": brief, "from": state.users.get(&by), "date": now(),
                "old_chat_member": member(&before), "new_chat_member": member(status),
            });
            if let Some(chat) = state.chats.get_mut(&chat_id) {
                chat.members.insert(user, status.to_owned());
            }
            let token = state.bots.iter().find(|(_, bot)| id_of(&bot.user) == user).map(|(token, _)| token.clone());
            match token {
                Some(token) => state.enqueue(&token, "my_chat_member", change),
                None => state.tell(chat_id, "chat_member", &change, true),
            }
            let is_in = |status: &str| ["member", "administrator", "creator"].contains(&status);
            let service = match (is_in(&before), is_in(status)) {
                (false, true) => Some(("new_chat_members", json!([of]))),
                (true, false) => Some(("left_chat_member", of.clone())),
                _ => None,
            };
            if let (Some((key, value)), ChatType::Group | ChatType::Supergroup) = (service, kind) {
                let fields = [(key.to_owned(), value)].into_iter().collect();
                if let Ok(message) = state.add_message(chat_id, by, fields) {
                    state.tell(chat_id, "message", &message, false);
                }
            }
        });
    }

    /// Somebody sends something: the fields of a message but its head; `reply_to` is an id. Answers its id.
    pub fn post(&self, chat_id: i64, from: i64, fields: Value) -> Result<i64, ApiError> {
        self.shared.change(|state| {
            let fields: Map<String, Value> = fields.as_object().cloned().unwrap_or_default();
            let message = state.add_message(chat_id, from, fields)?;
            let kind = if state.chats[&chat_id].kind == ChatType::Channel { "channel_post" } else { "message" };
            state.tell(chat_id, kind, &message, false);
            Ok(message["message_id"].as_i64().unwrap_or_default())
        })
    }

    pub fn say(&self, chat_id: i64, from: i64, text: &str) -> Result<i64, ApiError> {
        self.post(chat_id, from, json!({"text": text}))
    }

    /// Somebody edits a message: these fields take the place of those of the same name, `null` takes one away.
    pub fn edit(&self, chat_id: i64, message: i64, fields: &Value) -> Result<(), ApiError> {
        self.shared.change(|state| {
            let messages = &mut state.chat_mut(chat_id)?.messages;
            let edited = messages.get_mut(&message).ok_or_else(|| ApiError::bad("message to edit not found"))?;
            edited["edit_date"] = now().into();
            for (key, value) in fields.as_object().into_iter().flatten() {
                edited[key.as_str()] = value.clone();
            }
            if let Some(edited) = edited.as_object_mut() {
                edited.retain(|_, value| !value.is_null());
            }
            let edited = edited.clone();
            let is_channel = state.chats[&chat_id].kind == ChatType::Channel;
            let kind = if is_channel { "edited_channel_post" } else { "edited_message" };
            state.tell(chat_id, kind, &edited, false);
            Ok(())
        })
    }

    /// Somebody deletes a message: no bot is told.
    pub fn delete(&self, chat_id: i64, message: i64) {
        self.shared.change(|state| state.chats.get_mut(&chat_id).and_then(|chat| chat.messages.remove(&message)));
    }

    /// Somebody's reactions to a message are these emojis from now on; bots that are administrators are told.
    pub fn react(&self, chat_id: i64, message: i64, user: i64, emojis: &[&str]) -> Result<(), ApiError> {
        self.shared.change(|state| {
            let new: Vec<Value> = emojis.iter().map(|emoji| json!({"type": "emoji", "emoji": emoji})).collect();
            let of = state.users.get(&user).cloned();
            let chat = state.chat_mut(chat_id)?;
            let old = chat.reactions.insert((message, user), new.clone()).unwrap_or_default();
            let is_private = chat.kind == ChatType::Private;
            let update = json!({
                "chat": state.brief(&state.chats[&chat_id]), "message_id": message, "user": of, "date": now(),
                "old_reaction": old, "new_reaction": new,
            });
            state.tell(chat_id, "message_reaction", &update, !is_private);
            Ok(())
        })
    }

    /// A file that somebody sends; answers its object, for [`Self::post`]. `claimed`: a size that is told and not true.
    pub fn upload(&self, name: &str, mime: &str, data: &[u8], claimed: Option<u64>) -> Value {
        self.shared.change(|state| {
            let mut file = state.keep_file(name, Bytes::copy_from_slice(data));
            if let Some(size) = claimed {
                file["file_size"] = size.into();
                let id = file["file_id"].as_str().unwrap_or_default().to_owned();
                if let Some(kept) = state.files.get_mut(&id) {
                    kept.size = size;
                }
            }
            file["mime_type"] = mime.into();
            file["file_name"] = name.into();
            file
        })
    }

    /// A group becomes a supergroup; answers its new id.
    pub fn migrate(&self, chat_id: i64, by: i64) -> Result<i64, ApiError> {
        let new_id = self.move_to_supergroup(chat_id)?;
        self.post(chat_id, by, json!({"migrate_to_chat_id": new_id}))?;
        self.post(new_id, by, json!({"migrate_from_chat_id": chat_id}))?;
        self.shared.change(|state| state.chat_mut(chat_id).map(|old| old.migrated_to = Some(new_id)))?;
        Ok(new_id)
    }

    /// The same, while the bots hear nothing of it.
    pub fn migrate_in_silence(&self, chat_id: i64) -> Result<i64, ApiError> {
        let new_id = self.move_to_supergroup(chat_id)?;
        self.shared.change(|state| state.chat_mut(chat_id).map(|old| old.migrated_to = Some(new_id)))?;
        Ok(new_id)
    }

    fn move_to_supergroup(&self, chat_id: i64) -> Result<i64, ApiError> {
        self.shared.change(|state| {
            let new_id = SUPERGROUPS + chat_id;
            let old = state.chat(chat_id)?;
            let mut new = chat(new_id, ChatType::Supergroup, &old.title);
            new.members = old.members.clone();
            state.chats.insert(new_id, new);
            Ok(new_id)
        })
    }

    /// Somebody opens a topic in a forum; answers its number.
    pub fn open_topic(&self, chat_id: i64, by: i64, name: &str) -> Result<i64, ApiError> {
        self.shared.change(|state| {
            let topic = json!({"name": name, "icon_color": 7_322_096});
            let fields = [("forum_topic_created".to_owned(), topic), ("is_topic_message".to_owned(), true.into())];
            let mut message = state.add_message(chat_id, by, fields.into_iter().collect())?;
            let id = message["message_id"].as_i64().unwrap_or_default();
            message["message_thread_id"] = id.into();
            state.chat_mut(chat_id)?.messages.insert(id, message.clone());
            state.tell(chat_id, "message", &message, false);
            Ok(id)
        })
    }

    /// What somebody says in a topic; to Telegram it is a reply to what opened the topic.
    pub fn say_in_topic(&self, chat_id: i64, from: i64, topic: i64, text: &str) -> Result<i64, ApiError> {
        let topical = json!({"text": text, "message_thread_id": topic, "is_topic_message": true, "reply_to": topic});
        self.post(chat_id, from, topical)
    }

    /// A chat gets another title.
    pub fn set_title(&self, chat_id: i64, by: i64, title: &str) -> Result<i64, ApiError> {
        self.shared.change(|state| state.chat_mut(chat_id).map(|chat| title.clone_into(&mut chat.title)))?;
        self.post(chat_id, by, json!({"new_chat_title": title}))
    }

    /// A chat gets another photo.
    pub fn set_photo(&self, chat_id: i64, by: i64, data: &[u8]) -> Result<i64, ApiError> {
        let mut size = self.upload("chat.jpg", "image/jpeg", data, None);
        (size["width"], size["height"]) = (640.into(), 640.into());
        let photo = json!({
            "small_file_id": size["file_id"], "small_file_unique_id": size["file_unique_id"],
            "big_file_id": size["file_id"], "big_file_unique_id": size["file_unique_id"],
        });
        self.shared.change(|state| state.chat_mut(chat_id).map(|chat| chat.photo = Some(photo)))?;
        self.post(chat_id, by, json!({"new_chat_photo": [size]}))
    }

    /// Somebody pins a message.
    pub fn pin(&self, chat_id: i64, by: i64, message: i64) -> Result<i64, ApiError> {
        let pinned =
            self.shared.change(|state| state.chat(chat_id).map(|chat| chat.messages.get(&message).cloned()))?;
        self.post(chat_id, by, json!({"pinned_message": pinned}))
    }
}
