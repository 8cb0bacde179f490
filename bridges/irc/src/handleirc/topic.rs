//! TOPIC and its replies.

use causeway_sdk::remote::ChatKind;
use causeway_sdk::{ChatInfo, RemoteEvent, RemoteKind};

use crate::client::Session;
use crate::format;
use crate::id;
use crate::message::Message;

impl Session {
    /// 331 and 332, on joining; told with the rest of the channel when the names are complete.
    pub(super) fn on_topic_reply(&mut self, line: &Message) {
        let folded = self.fold(line.param(1));
        let topic = if line.command == "332" { format::plain(line.last()) } else { String::new() };
        if let Some(channel) = self.channels.get_mut(&folded) {
            channel.topic = Some(topic);
        }
    }

    pub(super) fn on_topic(&mut self, line: &Message) {
        let folded = self.fold(line.param(0));
        let topic = format::plain(line.last());
        let Some(channel) = self.channels.get_mut(&folded) else { return };
        channel.topic = Some(topic.clone());
        let info = ChatInfo {
            kind: ChatKind::Channel,
            name: None,
            topic: Some(topic),
            avatar: None,
            parent: None,
            members: None,
            members_complete: false,
            disappear_after_ms: None,
            can_backfill: false,
            join_rule: None,
            extra: None,
        };
        let portal = id::channel(&folded);
        let sender = self.sender(line.nick());
        let key = self.key(line, &portal, sender.is_me);
        let at = self.at(line);
        self.submit(RemoteEvent {
            portal,
            sender,
            at,
            order: 0,
            key,
            create_portal: false,
            kind: RemoteKind::ChatInfo(info),
        });
    }
}
