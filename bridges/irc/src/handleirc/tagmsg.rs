//! TAGMSG: typing and reactions.

use causeway_sdk::remote::{Reaction, ReactionOp, Typing};
use causeway_sdk::{MessageRef, RemoteEvent, RemoteKind};

use crate::client::Session;
use crate::message::Message;

/// After this long without another notice, an active typist has stopped.
const TYPING_MS: u64 = 6_000;

impl Session {
    pub(super) fn on_tagmsg(&mut self, line: &Message) {
        let nick = line.nick().to_owned();
        if self.is_me(&nick) {
            return;
        }
        let (_, target) = self.isupport.split_status(line.param(0));
        let chat = if self.isupport.is_channel(target) { target.to_owned() } else { nick.clone() };
        let kind = if let Some(state) = line.tag("+typing") {
            RemoteKind::Typing(Typing { timeout_ms: if state == "active" { TYPING_MS } else { 0 }, recording: false })
        } else if let Some(reaction) = reaction(line) {
            RemoteKind::Reaction(reaction)
        } else {
            return;
        };
        let portal = self.portal(&chat);
        let sender = self.sender(&nick);
        let key = self.key(line, &portal, false);
        let at = self.at(line);
        self.submit(RemoteEvent { portal, sender, at, order: 0, key, create_portal: false, kind });
    }
}

fn reaction(line: &Message) -> Option<Reaction> {
    let target = line.tag("+draft/reply").or_else(|| line.tag("+reply"))?;
    let (op, emoji) = match (line.tag("+draft/react"), line.tag("+draft/unreact")) {
        (Some(emoji), _) => (ReactionOp::Add, emoji),
        (None, Some(emoji)) => (ReactionOp::Remove, emoji),
        (None, None) => return None,
    };
    Some(Reaction {
        target: MessageRef { id: target.to_owned(), part: None },
        op,
        emoji: emoji.to_owned(),
        emoji_id: emoji.to_owned(),
        image: None,
    })
}
