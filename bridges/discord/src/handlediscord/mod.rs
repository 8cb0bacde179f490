//! What the gateway tells, by its kind.

mod message;
mod service;

use causeway_sdk::remote::{self, ReactionOp, Removal};
use causeway_sdk::{MessageRef, RemoteEvent, RemoteKind, log, time};
use serde::de::DeserializeOwned;

use crate::api::{self, Deletion, Emoji, Message, Snowflake};
use crate::client::Session;
use crate::id;

/// How long somebody is shown typing, as Discord itself does, in milliseconds.
const TYPING: u64 = 10_000;

fn read<T: DeserializeOwned>(kind: &str, data: &str) -> Option<T> {
    match serde_json::from_str(data) {
        Ok(read) => Some(read),
        // A shape that nobody has described: it must not hold up what follows.
        Err(error) => {
            log::warn("event of another shape left out", &[("kind", kind), ("error", &error.to_string())]);
            None
        }
    }
}

impl Session {
    /// Answers whether it meant something, so that it need not come again.
    pub fn on_dispatch(&mut self, kind: &str, data: &str, seq: u64) -> bool {
        match kind {
            "GUILD_CREATE" => self.on_read(kind, data, Self::on_guild),
            "GUILD_UPDATE" => self.on_read(kind, data, Self::on_guild_change),
            "GUILD_DELETE" => self.on_read(kind, data, |s, guild: api::Guild| s.on_guild_gone(&guild)),
            "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" => self.on_read(kind, data, |s, part| s.on_role(part, false)),
            "GUILD_ROLE_DELETE" => self.on_read(kind, data, |s, part| s.on_role(part, true)),
            "GUILD_EMOJIS_UPDATE" => self.on_read(kind, data, Self::on_emojis),
            "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE" => {
                self.on_read(kind, data, |s, channel| s.note_channel(channel, None));
            }
            "CHANNEL_DELETE" | "THREAD_DELETE" => {
                self.on_read(kind, data, |s, channel: api::Channel| s.drop_channel(channel.id));
            }
            "MESSAGE_CREATE" => self.on_read(kind, data, Self::hear),
            "MESSAGE_UPDATE" => self.on_read(kind, data, |s, message: Message| s.on_edit(&message)),
            "MESSAGE_DELETE" | "MESSAGE_DELETE_BULK" => self.on_read(kind, data, |s, gone| s.on_deletion(&gone)),
            "MESSAGE_REACTION_ADD" => self.on_read(kind, data, |s, r| s.on_reaction(&r, ReactionOp::Add, seq)),
            "MESSAGE_REACTION_REMOVE" => self.on_read(kind, data, |s, r| s.on_reaction(&r, ReactionOp::Remove, seq)),
            "TYPING_START" => {
                self.on_read(kind, data, |s, typing| s.on_typing(&typing));
                return false;
            }
            _ => return false,
        }
        true
    }

    fn on_read<T: DeserializeOwned>(&mut self, kind: &str, data: &str, then: impl FnOnce(&mut Self, T)) {
        if let Some(read) = read(kind, data) {
            then(self, read);
        }
    }

    fn on_deletion(&mut self, gone: &Deletion) {
        let channel = gone.channel_id;
        let portal = self.place(channel).portal;
        for message in gone.id.iter().chain(&gone.ids) {
            let message_id = id::message(channel, *message);
            // Ours is on its way back; who deletes it in Matrix needs no other word.
            if self.is_deleting(channel, *message) {
                continue;
            }
            self.submit(RemoteEvent {
                portal: portal.clone(),
                // Nobody is told who it was.
                sender: id::nobody(),
                at: time::now(),
                order: 0,
                key: format!("d {message_id}"),
                create_portal: false,
                kind: RemoteKind::Removal(Removal {
                    target: MessageRef { id: message_id, part: None },
                    only_for_me: false,
                }),
            });
        }
    }

    fn on_reaction(&mut self, reaction: &api::Reaction, op: ReactionOp, seq: u64) {
        if reaction.user_id == self.me.id {
            return;
        }
        if let Some(member) = &reaction.member {
            self.note_user(&member.user);
        }
        let Some((emoji, emoji_id)) = shown(&reaction.emoji) else { return };
        let target = MessageRef { id: id::message(reaction.channel_id, reaction.message_id), part: None };
        // A session's number comes again only with the same event.
        let session = self.link.session.clone().unwrap_or_default();
        let word = if op == ReactionOp::Remove { "-" } else { "+" };
        self.submit(RemoteEvent {
            portal: self.place(reaction.channel_id).portal,
            sender: id::ghost(&reaction.user_id.to_string()),
            at: time::now(),
            order: 0,
            key: format!("r {}{word}{}:{session}:{seq}", target.id, reaction.user_id),
            create_portal: false,
            kind: RemoteKind::Reaction(remote::Reaction { target, op, emoji, emoji_id, image: None }),
        });
    }

    fn on_typing(&mut self, typing: &api::Typing) {
        if typing.user_id == self.me.id {
            return;
        }
        if let Some(member) = &typing.member {
            self.note_user(&member.user);
        }
        self.submit(RemoteEvent {
            portal: self.place(typing.channel_id).portal,
            sender: id::ghost(&typing.user_id.to_string()),
            at: time::now(),
            order: 0,
            key: String::new(),
            create_portal: false,
            kind: RemoteKind::Typing(remote::Typing { timeout_ms: TYPING, recording: false }),
        });
    }
}

/// An emoji as a reaction in Matrix, and its id.
fn shown(emoji: &Emoji) -> Option<(String, String)> {
    let name = emoji.name.clone().filter(|name| !name.is_empty());
    match (emoji.id, name) {
        (Some(id), name) => {
            let name = name.unwrap_or_else(|| "emoji".to_owned());
            Some((format!(":{name}:"), custom(&name, id)))
        }
        (None, name) => name.clone().zip(name),
    }
}

/// A custom emoji as a call names it.
pub fn custom(name: &str, id: Snowflake) -> String {
    format!("{name}:{id}")
}
