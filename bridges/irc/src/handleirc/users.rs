//! What is told of people: away, account, host, online.

use causeway_sdk::content::{Body, Mentions, Message as Content, Part, Text, TextKind};
use causeway_sdk::remote::NewMessage;
use causeway_sdk::{RemoteEvent, RemoteKind};

use crate::client::Session;
use crate::message::{Message, Source};

impl Session {
    /// Somebody we wrote to is away: said once in their chat for each away message.
    pub(super) fn on_away_reply(&mut self, line: &Message) {
        let (nick, text) = (line.param(1).to_owned(), line.last().to_owned());
        let folded = self.fold(&nick);
        let Some(peer) = self.peers.get_mut(&folded).filter(|peer| peer.away.as_ref() != Some(&text)) else { return };
        peer.away = Some(text.clone());
        let body = Body::Text(Text { kind: TextKind::Notice, body: format!("is away: {text}"), html: None });
        let mentions = Mentions { ghosts: Vec::new(), users: Vec::new(), room: false };
        let part = Part { id: String::new(), body, mentions, extra: None, metadata: None };
        let message = Content { parts: vec![part], reply_to: None, thread_root: None, disappear_after_ms: 0 };
        let id = self.next_id();
        let event = RemoteEvent {
            portal: self.portal(&nick),
            sender: self.sender(&nick),
            at: self.at(line),
            order: 0,
            key: id.clone(),
            create_portal: false,
            kind: RemoteKind::Message(NewMessage { id, message, echo_of: None, upsert: false }),
        };
        self.submit(event);
    }

    pub(super) fn on_account(&mut self, line: &Message) {
        if self.is_me(line.nick()) {
            self.link.is_authenticated = line.param(0) != "*";
        }
    }

    /// The host is part of what masks meet, and our own of what a line has room for.
    pub(super) fn on_chghost(&mut self, line: &Message) {
        let (nick, user, host) = (line.nick(), line.param(0), line.param(1));
        if self.is_me(nick) {
            (self.link.user, self.link.host) = (user.to_owned(), host.to_owned());
        }
        let folded = self.fold(nick);
        for channel in self.channels_of(&folded) {
            if let Some(member) = self.members(&channel).get_mut(&folded) {
                (member.user, member.host) = (Some(user.to_owned()), Some(host.to_owned()));
            }
        }
    }

    /// MONITOR's answer: who of those we watch came or went.
    pub(super) fn on_monitor(&mut self, is_online: bool, line: &Message) {
        for target in line.last().split(',') {
            let nick = Source::parse(target).nick;
            let folded = self.fold(&nick);
            if let Some(peer) = self.peers.get_mut(&folded) {
                peer.is_online = Some(is_online);
                peer.away = None;
            }
            let wanted = self.account.nick.clone();
            if !is_online && !self.is_me(&wanted) && self.isupport.casemapping.same(&nick, &wanted) {
                self.write(&Message::new("NICK", &[&wanted]));
            }
        }
    }
}
