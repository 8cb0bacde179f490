//! Messages that nobody has written: Discord tells by them what happened in a channel.

use causeway_sdk::content::{Body, Mentions, Part, Text, TextKind};

use crate::api::{Message, Snowflake};
use crate::client::Session;
use crate::id;

impl Session {
    /// The parts of such a message; `None`: somebody has written it.
    pub(super) fn service_parts(&mut self, message: &Message) -> Option<Vec<Part>> {
        let text = message.content.clone().unwrap_or_default();
        let what = match message.kind {
            // Texts, replies, and the answers of programs.
            0 | 19 | 20 | 23 => return None,
            21 => return Some(Vec::new()),
            18 => {
                let thread = message.message_reference.as_ref().and_then(|reference| reference.channel_id);
                self.note_root(thread, message);
                format!("started a thread: {text}")
            }
            1 => "added somebody to the group".to_owned(),
            2 => "took somebody out of the group".to_owned(),
            3 => "started a call".to_owned(),
            4 => format!("called the group {text}"),
            5 => "changed the group's picture".to_owned(),
            6 => "pinned a message".to_owned(),
            7 => "joined the server".to_owned(),
            8..=11 => "boosted the server".to_owned(),
            12 => format!("follows {text} here"),
            24 => "was held back by the server's rules".to_owned(),
            27 => format!("started the stage: {text}"),
            28 => "ended the stage".to_owned(),
            46 => "closed a poll".to_owned(),
            kind if text.is_empty() => format!("did something that only Discord can show (kind {kind})"),
            _ => text,
        };
        let body = Body::Text(Text { kind: TextKind::Emote, body: what, html: None });
        let mentions = Mentions { ghosts: Vec::new(), users: Vec::new(), room: false };
        Some(vec![Part { id: String::new(), body, mentions, extra: None, metadata: None }])
    }

    /// A thread that no message was there for begins with the one that tells of it.
    fn note_root(&mut self, thread: Option<Snowflake>, message: &Message) {
        let Some(thread) = thread.filter(|thread| *thread != message.id) else { return };
        let root = id::message(message.channel_id, message.id);
        if let Some(row) = self.channels.get_mut(&thread.to_string()) {
            row.root = Some(root);
        }
    }
}
