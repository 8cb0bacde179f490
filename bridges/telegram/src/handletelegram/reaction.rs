//! Reactions: Telegram tells all that somebody has at a message before and after; the difference is what happened.

use causeway_sdk::remote::{self, ReactionOp};
use causeway_sdk::{MessageRef, RemoteEvent, RemoteKind};

use crate::api::{Reaction, ReactionUpdate};
use crate::client::Session;
use crate::handlematrix::metadata_of;
use crate::id;

/// Stands for what has no emoji of Unicode.
const CUSTOM: &str = "\u{2b50}";

impl Session {
    pub(super) fn on_reaction(&mut self, update: &ReactionUpdate) {
        self.note_chat(&update.chat);
        let sender = match (&update.user, &update.actor_chat) {
            (Some(user), _) => {
                self.note_user(user);
                id::ghost(user.id)
            }
            (None, Some(chat)) => {
                self.note_speaker(chat);
                id::ghost(chat.id)
            }
            (None, None) => return,
        };
        let (chat, number) = (update.chat.id, update.message_id);
        // The update does not say in which topic the message is.
        let topic = metadata_of(&MessageRef { id: id::message(chat, number), part: None }).topic;
        let ids = |list: &[Reaction]| list.iter().map(emoji_id).collect::<Vec<_>>();
        let (old, new) = (ids(&update.old_reaction), ids(&update.new_reaction));
        let change = format!("{}:{}>{}", update.date, old.join(","), new.join(","));
        let gone = update.old_reaction.iter().filter(|one| !new.contains(&emoji_id(one)));
        let fresh = update.new_reaction.iter().filter(|one| !old.contains(&emoji_id(one)));
        let changes = gone.map(|one| (ReactionOp::Remove, one)).chain(fresh.map(|one| (ReactionOp::Add, one)));
        for (op, one) in changes {
            let emoji = one.emoji.clone().unwrap_or_else(|| CUSTOM.to_owned());
            let target = MessageRef { id: id::message(chat, number), part: None };
            let emoji_id = emoji_id(one);
            let key = format!("r {chat}:{number}:{}:{change}:{op:?}{emoji_id}", sender.ghost);
            self.submit(RemoteEvent {
                portal: self.portal(chat, topic),
                sender: sender.clone(),
                at: update.date * 1000,
                order: 0,
                key,
                create_portal: false,
                kind: RemoteKind::Reaction(remote::Reaction { target, op, emoji, emoji_id, image: None }),
            });
        }
    }
}

fn emoji_id(reaction: &Reaction) -> String {
    reaction.emoji.clone().or_else(|| reaction.custom_emoji_id.clone()).unwrap_or_else(|| reaction.kind.clone())
}
