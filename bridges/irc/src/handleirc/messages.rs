//! PRIVMSG, NOTICE and REDACT.

use causeway_sdk::content::{Body, Mentions, Message as Content, Part, Text, TextKind};
use causeway_sdk::remote::{NewMessage, Removal};
use causeway_sdk::{MessageRef, PortalKey, RemoteEvent, RemoteKind, log, matrix};

use crate::client::Session;
use crate::config::MemberSync;
use crate::format;
use crate::handlematrix::Quote;
use crate::message::Message;

impl Session {
    pub(super) fn on_said(&mut self, line: &Message) {
        let Some(source) = line.source.clone() else { return };
        let (status, target) = self.isupport.split_status(line.param(0));
        let target = target.to_owned();
        let is_mine = self.is_me(&source.nick);
        let is_notice = line.command == "NOTICE";
        if is_mine && self.on_echo(&target, line) {
            return;
        }
        if source.is_server() || !self.is_ready() {
            return log::debug("server notice", &[("from", &source.nick)]);
        }
        let text = line.last();
        if let Some(request) = text.strip_prefix('\u{1}') {
            let request = request.trim_end_matches('\u{1}');
            match request.strip_prefix("ACTION") {
                Some(action) if !is_notice => {
                    return self.said(line, &source.nick, &target, TextKind::Emote, action.trim_start(), status);
                }
                _ if is_notice || is_mine => return,
                _ => return self.on_ctcp(&source.nick, request),
            }
        }
        let kind = if is_notice { TextKind::Notice } else { TextKind::Text };
        self.said(line, &source.nick, &target, kind, text, status);
    }

    fn said(&mut self, line: &Message, nick: &str, target: &str, kind: TextKind, text: &str, status: Option<char>) {
        let is_mine = self.is_me(nick);
        let is_channel = self.isupport.is_channel(target);
        let chat = if is_channel || is_mine { target } else { nick };
        let portal = self.portal(chat);
        if !is_channel {
            // What services say to somebody who has no chat with them belongs into no new one.
            if kind == TextKind::Notice && !is_mine && matrix::portal_of(&portal).is_none() {
                return self.notice(&format!("-{nick}- {}", format::plain(text)));
            }
            self.befriend(chat);
        } else if !is_mine {
            self.note_speaker(&portal.id, nick);
        }
        let (mut body, mut html) = format::to_html(text);
        if let Some(sign) = status {
            // Only those with the sign get to see it; who answers should know.
            body = format!("[to {sign}{target}] {body}");
            html = html.map(|html| format!("[to {sign}{target}] {html}"));
        }
        let quote = serde_json::to_string(&Quote::of(nick, &body)).ok();
        let part = Part {
            id: String::new(),
            mentions: self.mentions(&body),
            body: Body::Text(Text { kind, body, html }),
            extra: None,
            metadata: quote,
        };
        let reply_to = line.tag("+draft/reply").or_else(|| line.tag("+reply"));
        let message = Content {
            parts: vec![part],
            reply_to: reply_to.filter(|id| !id.is_empty()).map(|id| MessageRef { id: id.to_owned(), part: None }),
            thread_root: None,
            disappear_after_ms: 0,
        };
        let id = match line.tag("msgid") {
            Some(msgid) => msgid.to_owned(),
            None => self.next_id(),
        };
        let key = match line.tag("msgid") {
            None if portal.receiver.is_some() || is_mine => id.clone(),
            _ => self.key(line, &portal, is_mine),
        };
        let event = RemoteEvent {
            sender: self.sender(nick),
            at: self.at(line),
            order: 0,
            key,
            create_portal: true,
            kind: RemoteKind::Message(NewMessage { id, message, echo_of: None, upsert: false }),
            portal,
        };
        self.submit(event);
    }

    /// Where not everybody is in the room, who speaks gets there.
    fn note_speaker(&mut self, channel: &str, nick: &str) {
        let folded = self.fold(nick);
        let is_sparse = self.config.member_sync != MemberSync::Full;
        let is_known = self.members(channel).get(&folded).is_some_and(|m| m.has_spoken || !is_sparse);
        if is_known {
            return;
        }
        if let Some(member) = self.members(channel).get_mut(&folded) {
            member.has_spoken = true;
        }
        self.ensure_ghost(nick);
    }

    /// Our own nick as a word of the text is a mention of us.
    fn mentions(&self, body: &str) -> Mentions {
        let is_nick_char = |c: char| c.is_ascii_alphanumeric() || "[]\\`_^{|}-".contains(c);
        let is_named = body.split(|c| !is_nick_char(c)).any(|word| self.is_me(word));
        let ghosts = if is_named { vec![self.fold(&self.link.nick)] } else { Vec::new() };
        Mentions { ghosts, users: Vec::new(), room: false }
    }

    pub(super) fn on_redact(&mut self, line: &Message) {
        let nick = line.nick().to_owned();
        let target = if self.isupport.is_channel(line.param(0)) || self.is_me(&nick) {
            line.param(0).to_owned()
        } else {
            nick.clone()
        };
        let portal: PortalKey = self.portal(&target);
        let message = MessageRef { id: line.param(1).to_owned(), part: None };
        let event = RemoteEvent {
            key: format!("redact {}", message.id),
            sender: self.sender(&nick),
            at: self.at(line),
            order: 0,
            create_portal: false,
            kind: RemoteKind::Removal(Removal { target: message, only_for_me: false }),
            portal,
        };
        self.submit(event);
    }
}
