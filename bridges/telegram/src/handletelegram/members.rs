//! Who is in a chat, as its administrators and the bot itself are told.

use causeway_sdk::content::{self, Body, Mentions, Part, Text, TextKind};
use causeway_sdk::remote::{Member, Membership, NewMessage};
use causeway_sdk::{RemoteEvent, RemoteKind};

use crate::api::{ChatType, MemberUpdate};
use crate::client::Session;
use crate::id;

impl Session {
    pub(super) fn on_membership(&mut self, change: &MemberUpdate) {
        let user = &change.new_chat_member.user;
        if user.id == self.me.id {
            return;
        }
        self.note_chat(&change.chat);
        self.note_user(user);
        self.note_user(&change.from);
        let (before, now) = (&change.old_chat_member, &change.new_chat_member);
        let membership = match now.status.as_str() {
            "kicked" => Membership::Ban,
            _ if now.is_in() => Membership::Join,
            _ => Membership::Leave,
        };
        // Channels have more members than a room should.
        if change.chat.kind == ChatType::Channel && !before.is_in() && membership == Membership::Join {
            return;
        }
        let power = (before.power() != now.power()).then(|| now.power());
        let member = Member { who: id::ghost(user.id), membership, power, nick: Some(user.name()), reason: None };
        let chat = change.chat.id;
        let key = format!("s {chat}:{}:{}:{}>{}", user.id, change.date, before.status, now.status);
        self.submit(RemoteEvent {
            portal: self.portal(chat, None),
            sender: id::ghost(change.from.id),
            at: change.date * 1000,
            order: 0,
            key,
            create_portal: false,
            kind: RemoteKind::Members(vec![member]),
        });
    }

    /// The bot is in a chat, or out of it.
    pub(super) fn on_own_membership(&mut self, number: i64, change: &MemberUpdate) {
        self.note_chat(&change.chat);
        self.note_user(&change.from);
        let chat = change.chat.id;
        let (was_in, is_in) = (change.old_chat_member.is_in(), change.new_chat_member.is_in());
        if was_in == is_in {
            return;
        }
        let is_private = change.chat.kind == ChatType::Private;
        let key = format!("o {}:{number}", self.login);
        let kind = match (is_private, is_in) {
            (true, true) => return,
            (true, false) => {
                let text = "They have blocked the bot: nothing can be sent to them until they unblock it.";
                let body = Body::Text(Text { kind: TextKind::Notice, body: text.to_owned(), html: None });
                let mentions = Mentions { ghosts: Vec::new(), users: Vec::new(), room: false };
                let part = Part { id: String::new(), body, mentions, extra: None, metadata: None };
                let message =
                    content::Message { parts: vec![part], reply_to: None, thread_root: None, disappear_after_ms: 0 };
                RemoteKind::Message(NewMessage { id: String::new(), message, echo_of: None, upsert: false })
            }
            (false, true) => RemoteKind::ChatInfo(self.info_of(chat, None)),
            (false, false) => RemoteKind::ChatDeleted,
        };
        self.submit(RemoteEvent {
            portal: self.portal(chat, None),
            sender: id::ghost(change.from.id),
            at: change.date * 1000,
            order: 0,
            key,
            create_portal: is_in,
            kind,
        });
    }
}
