//! Service messages: what happened to the chat, as Telegram itself says it.

use causeway_sdk::content::{self, Body, Mentions, Part, Text, TextKind};
use causeway_sdk::remote::{Avatar, ChatInfo, Member, Membership, NewMessage, Sender};
use causeway_sdk::{MessageRef, RemoteEvent, RemoteKind};

use crate::api::{Message, User};
use crate::client::Session;
use crate::id;

/// Those that need no more than a line, and the line.
const LINES: [(&str, &str); 12] = [
    ("video_chat_started", "started a video chat"),
    ("video_chat_ended", "ended the video chat"),
    ("video_chat_scheduled", "scheduled a video chat"),
    ("video_chat_participants_invited", "invited people to the video chat"),
    ("message_auto_delete_timer_changed", "changed after what time messages are deleted on Telegram"),
    ("forum_topic_closed", "closed the topic"),
    ("forum_topic_reopened", "opened the topic again"),
    ("boost_added", "boosted the chat"),
    ("chat_background_set", "set another background"),
    ("users_shared", "shared people with the bot"),
    ("write_access_allowed", "allowed the bot to write"),
    ("proximity_alert_triggered", "came close to somebody"),
];

impl Session {
    /// Whether it was one.
    pub(super) fn on_service(&mut self, message: &Message, topic: Option<i64>, sender: &Sender) -> bool {
        let chat = message.chat.id;
        if let Some(new) = message.migrate_to_chat_id {
            self.move_chat(chat, new);
            return true;
        }
        if let Some(old) = message.migrate_from_chat_id {
            self.move_chat(old, chat);
            self.make_stale(&format!("chat {chat}"));
            return true;
        }
        if !message.new_chat_members.is_empty() {
            for user in &message.new_chat_members {
                self.member_is(message, topic, sender, user, Membership::Join);
            }
            return true;
        }
        if let Some(user) = &message.left_chat_member {
            self.member_is(message, topic, sender, user, Membership::Leave);
            return true;
        }
        if message.new_chat_title.is_some() {
            // The chat itself shows it already.
            self.tell_info(message, sender, |_| {});
            return true;
        }
        if !message.new_chat_photo.is_empty() {
            self.make_stale(&format!("chat {chat}"));
            return true;
        }
        if message.delete_chat_photo {
            if let Some(row) = self.chats.get_mut(&chat.to_string()) {
                row.photo = None;
            }
            let gone = Avatar { id: String::new(), source: None, remove: true };
            self.tell_info(message, sender, |info| info.avatar = Some(gone));
            return true;
        }
        let named = message.forum_topic_created.as_ref().or(message.forum_topic_edited.as_ref());
        if let (Some(name), Some(topic)) = (named.and_then(|named| named.name.clone()), topic) {
            if let Some(row) = self.chats.get_mut(&chat.to_string()) {
                row.topics.insert(topic, name);
            }
            self.tell_info(message, sender, |_| {});
            return true;
        }
        if let Some(pinned) = &message.pinned_message {
            let target = MessageRef { id: id::message(chat, pinned.message_id), part: None };
            self.tell(message, topic, sender, "pinned a message", Some(target));
            return true;
        }
        let line = LINES.iter().find(|(key, _)| message.rest.contains_key(*key));
        if let Some((_, line)) = line {
            self.tell(message, topic, sender, line, None);
            return true;
        }
        // The group's own beginning is its room's.
        ["group_chat_created", "supergroup_chat_created", "channel_chat_created"]
            .iter()
            .any(|key| message.rest.contains_key(*key))
    }

    fn member_is(
        &mut self,
        message: &Message,
        topic: Option<i64>,
        sender: &Sender,
        user: &User,
        membership: Membership,
    ) {
        // What becomes of the bot itself is told apart.
        if user.id == self.me.id {
            return;
        }
        self.note_user(user);
        let member = Member { who: id::ghost(user.id), membership, power: None, nick: Some(user.name()), reason: None };
        let key = format!("u {}:{}:{}", message.chat.id, message.message_id, user.id);
        self.submit_about(message, topic, sender, key, RemoteKind::Members(vec![member]));
    }

    fn tell_info(&mut self, message: &Message, sender: &Sender, change: impl FnOnce(&mut ChatInfo)) {
        let topic = super::message::topic_of(message);
        let mut info = ChatInfo { members: None, ..self.info_of(message.chat.id, topic) };
        change(&mut info);
        let key = format!("c {}:{}", message.chat.id, message.message_id);
        self.submit_about(message, topic, sender, key, RemoteKind::ChatInfo(info));
    }

    /// A line in the name of who did it.
    fn tell(
        &mut self,
        message: &Message,
        topic: Option<i64>,
        sender: &Sender,
        line: &str,
        reply_to: Option<MessageRef>,
    ) {
        let (chat, number) = (message.chat.id, message.message_id);
        let body = Body::Text(Text { kind: TextKind::Notice, body: line.to_owned(), html: None });
        let mentions = Mentions { ghosts: Vec::new(), users: Vec::new(), room: false };
        let part = Part { id: String::new(), body, mentions, extra: None, metadata: None };
        let said = content::Message { parts: vec![part], reply_to, thread_root: None, disappear_after_ms: 0 };
        let new = NewMessage { id: id::message(chat, number), message: said, echo_of: None, upsert: false };
        self.submit_about(message, topic, sender, format!("m {chat}:{number}"), RemoteKind::Message(new));
    }

    fn submit_about(&mut self, message: &Message, topic: Option<i64>, sender: &Sender, key: String, kind: RemoteKind) {
        let portal = self.portal(message.chat.id, topic);
        let (at, order) = (message.date * 1000, message.message_id);
        self.submit(RemoteEvent { portal, sender: sender.clone(), at, order, key, create_portal: true, kind });
    }
}
