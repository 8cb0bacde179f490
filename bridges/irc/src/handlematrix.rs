//! What Matrix users do, as lines.

use causeway_sdk::content::{Body, Media, Part, Text, TextKind};
use causeway_sdk::matrix_in::{Author, MemberChange, MemberTarget, Setting};
use causeway_sdk::remote::Membership;
use causeway_sdk::{Error, ErrorKind, MatrixEvent, MatrixKind, MessageRef, Outcome, PortalKey, matrix};
use serde::{Deserialize, Serialize};

use crate::client::Session;
use crate::flood::Bucket;
use crate::format;
use crate::message::Message;
use crate::split::{room_for_text, split};
use crate::time;

/// How much of a message is repeated in a reply to it.
const QUOTE_CHARS: usize = 40;
/// Assumed of our own source until the network has told: the longest usual user and host names.
const USER_BYTES: usize = 11;
const HOST_BYTES: usize = 63;

/// What is kept with a message for those who reply to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    pub nick: String,
    pub text: String,
}

impl Quote {
    pub fn of(nick: &str, text: &str) -> Self {
        let text = text.lines().next().unwrap_or_default();
        let mut short: String = text.chars().take(QUOTE_CHARS).collect();
        if short.len() < text.len() {
            short.truncate(short.trim_end().len());
            short.push('…');
        }
        Self { nick: nick.to_owned(), text: short }
    }
}

fn ignored(why: &str) -> Outcome {
    Outcome::Ignored(why.to_owned())
}

fn unsupported(what: &str) -> Outcome {
    Outcome::Failed(Error::new(ErrorKind::Unsupported, format!("IRC has no {what}")))
}

impl Session {
    pub fn handle_matrix(&mut self, event: MatrixEvent) -> Outcome {
        // Settled by the send's own name, everything else by the event's.
        let txn = match &event.kind {
            MatrixKind::Send(send) => send.txn.clone(),
            _ => event.id.clone(),
        };
        if event.attempt > 1
            && let Some(outcome) = self.offered_again(&txn)
        {
            self.pump();
            return outcome;
        }
        let Some(portal) = &event.portal else { return ignored("not in a chat of this network") };
        let target = self.target(portal);
        match &event.kind {
            MatrixKind::Send(send) => {
                let reply = send.message.reply_to.as_ref();
                self.say(&txn, &target, &event.author, &send.message.parts, reply)
            }
            MatrixKind::Edit(edit) => {
                let lines = self.texts(&edit.part).map(|(kind, texts)| {
                    let marked =
                        texts.into_iter().enumerate().map(|(i, t)| if i == 0 { format!("* {t}") } else { t }).collect();
                    (kind, marked)
                });
                match lines {
                    Ok((kind, texts)) => {
                        let lines = self.lines(&target, kind, texts, &event.author);
                        self.enqueue_some(&txn, &target, lines, None)
                    }
                    Err(outcome) => outcome,
                }
            }
            MatrixKind::React(react) => self.react(&txn, &target, &react.target, "+draft/react", &react.emoji),
            MatrixKind::Unreact(unreact) => {
                self.react(&txn, &target, &unreact.target, "+draft/unreact", &unreact.emoji_id)
            }
            MatrixKind::Remove(message) => self.redact(&txn, &target, message),
            MatrixKind::Typing(is_typing) => self.type_in(&target, *is_typing),
            MatrixKind::Member(change) => self.change_member(&txn, portal, &target, change),
            MatrixKind::Setting(Setting::Topic(topic)) if portal.receiver.is_none() => {
                self.enqueue(&txn, &target, vec![Message::new("TOPIC", &[&target, &topic.replace('\n', " ")])], None)
            }
            MatrixKind::Setting(_) => ignored("no such setting on IRC"),
            MatrixKind::DeleteChat(_) => {
                self.part(&target, "");
                Outcome::Done
            }
            MatrixKind::PollVote(_) => unsupported("polls"),
            MatrixKind::ReadReceipt(_) | MatrixKind::Unread(_) | MatrixKind::AcceptRequest | MatrixKind::Raw(_) => {
                ignored("nothing on IRC corresponds to it")
            }
        }
    }

    /// The name to write to: as the network spells it, where that is known.
    pub fn target(&self, portal: &PortalKey) -> String {
        let channel = self.channels.get(&portal.id).map(|channel| channel.name.clone());
        let nick = || self.peers.get(&portal.id).map(|peer| peer.nick.clone());
        channel.or_else(nick).filter(|name| !name.is_empty()).unwrap_or_else(|| portal.id.clone())
    }

    fn say(&mut self, txn: &str, target: &str, author: &Author, parts: &[Part], reply: Option<&MessageRef>) -> Outcome {
        let mut lines = Vec::new();
        let mut quoted = String::new();
        let quote = reply.and_then(matrix::message_metadata).and_then(|json| serde_json::from_str::<Quote>(&json).ok());
        for (i, part) in parts.iter().enumerate() {
            let (kind, mut texts) = match self.texts(part) {
                Ok(texts) => texts,
                Err(outcome) => return outcome,
            };
            if i == 0
                && let (Some(quote), Some(first)) = (&quote, texts.first_mut())
            {
                *first = format!("{}: \"{}\" {first}", quote.nick, quote.text);
            }
            if quoted.is_empty() {
                quoted = texts.first().map(|t| format::plain(t)).unwrap_or_default();
            }
            lines.extend(self.lines(target, kind, texts, author));
        }
        if let (Some(reply), Some(first)) = (reply, lines.first_mut())
            && self.passes_tag("draft/reply")
        {
            first.tags.push(("+draft/reply".to_owned(), reply.id.clone()));
        }
        let nick = self.link.nick.clone();
        self.enqueue_some(txn, target, lines, Some(Quote::of(&nick, &quoted)))
    }

    fn enqueue_some(&mut self, txn: &str, target: &str, lines: Vec<Message>, quote: Option<Quote>) -> Outcome {
        if lines.is_empty() {
            return ignored("empty: IRC has no empty messages");
        }
        self.enqueue(txn, target, lines, quote)
    }

    /// A part as lines of text without a limit.
    fn texts(&self, part: &Part) -> Result<(TextKind, Vec<String>), Outcome> {
        let text = |text: &Text| {
            let formatted = text.html.as_deref().map_or_else(|| text.body.clone(), format::from_html);
            (text.kind, formatted.lines().filter(|l| !l.trim().is_empty()).map(str::to_owned).collect::<Vec<_>>())
        };
        Ok(match &part.body {
            Body::Text(t) => text(t),
            Body::Media(media) => {
                let mut lines = vec![self.link_to(media)?];
                if let Some(caption) = &media.caption {
                    lines.extend(text(caption).1);
                }
                (TextKind::Text, lines)
            }
            Body::Location(l) => {
                let line = format!("{} <geo:{},{}>", l.description, l.latitude, l.longitude);
                (TextKind::Text, vec![line.trim_start().to_owned()])
            }
            Body::Contact(c) => (TextKind::Text, vec![format!("Contact: {}", c.name)]),
            Body::Poll(poll) => {
                let options = poll.options.iter().enumerate().map(|(i, (_, option))| format!("{}. {option}", i + 1));
                (TextKind::Text, std::iter::once(format!("Poll: {}", poll.question)).chain(options).collect())
            }
            Body::Raw(_) => return Err(unsupported("such events")),
        })
    }

    fn link_to(&self, media: &Media) -> Result<String, Outcome> {
        let no_url = || {
            let text =
                "IRC users can't open media of this server: set media_url in the bridge's config or public_baseurl";
            Outcome::Failed(Error::new(ErrorKind::Unsupported, text))
        };
        let base = self.config.media_url.as_ref().or(self.public_url.as_ref()).ok_or_else(no_url)?;
        let (server, id) = media.uri.strip_prefix("mxc://").and_then(|rest| rest.split_once('/')).ok_or_else(no_url)?;
        let name = encode(&media.file_name);
        let url = if base.contains("{media}") {
            base.replace("{server}", server).replace("{media}", id).replace("{name}", &name)
        } else {
            format!("{}/_matrix/media/v3/download/{server}/{id}/{name}", base.trim_end_matches('/'))
        };
        Ok(if media.file_name.is_empty() { url } else { format!("{} <{url}>", media.file_name) })
    }

    /// Texts as lines that the network takes whole.
    fn lines(&self, target: &str, kind: TextKind, texts: Vec<String>, author: &Author) -> Vec<Message> {
        let relay = author.relay.as_ref().map(|relay| relay.prefix.as_str());
        let (command, is_action) = match kind {
            TextKind::Notice => ("NOTICE", false),
            TextKind::Emote => ("PRIVMSG", relay.is_none()),
            TextKind::Text => ("PRIVMSG", false),
        };
        let wrapping = if is_action { "\u{1}ACTION \u{1}".len() } else { 0 };
        let room = room_for_text(self.isupport.linelen, self.source_bytes(), command, target).saturating_sub(wrapping);
        let mut lines = Vec::new();
        for text in texts {
            let text: String = text.chars().filter(|c| !matches!(c, '\u{1}' | '\0' | '\r')).collect();
            let text = match relay {
                Some(prefix) => format!("{prefix}{text}"),
                None => text,
            };
            for piece in split(&text, room) {
                let piece = if is_action { format!("\u{1}ACTION {piece}\u{1}") } else { piece };
                lines.push(Message::new(command, &[target, &piece]));
            }
        }
        lines
    }

    /// The length of `nick!user@host` as the server writes it before our lines.
    fn source_bytes(&self) -> usize {
        let known = |part: &str, assumed: usize| if part.is_empty() { assumed } else { part.len() };
        let (user, host) = (known(&self.link.user, USER_BYTES), known(&self.link.host, HOST_BYTES));
        known(&self.link.nick, self.isupport.nicklen) + 1 + user + 1 + host
    }

    /// Whether others get to see this client tag.
    pub fn passes_tag(&self, tag: &str) -> bool {
        self.link.caps.has("message-tags") && self.isupport.passes_client_tag(tag)
    }

    fn react(&mut self, txn: &str, target: &str, message: &MessageRef, tag: &str, emoji: &str) -> Outcome {
        if !self.passes_tag("draft/react") {
            return unsupported("reactions on this network");
        }
        let line = Message::new("TAGMSG", &[target]).with_tag("+draft/reply", &message.id).with_tag(tag, emoji);
        self.enqueue(txn, target, vec![line], None)
    }

    fn redact(&mut self, txn: &str, target: &str, message: &MessageRef) -> Outcome {
        if !self.link.caps.has("draft/message-redaction") {
            return unsupported("deletion on this network");
        }
        self.enqueue(txn, target, vec![Message::new("REDACT", &[target, &message.id])], None)
    }

    /// Typing is worth a line only while there are lines to spare.
    fn type_in(&mut self, target: &str, is_typing: bool) -> Outcome {
        if !self.is_ready() || !self.passes_tag("typing") {
            return ignored("the network has no typing");
        }
        let (flood, now) = (self.config.flood, time::now());
        if self.flow.bucket.get_or_insert_with(|| Bucket::full(&flood, now)).take(&flood, now).is_ok() {
            let state = if is_typing { "active" } else { "done" };
            self.write(&Message::new("TAGMSG", &[target]).with_tag("+typing", state));
        }
        Outcome::Done
    }

    fn change_member(&mut self, txn: &str, portal: &PortalKey, target: &str, change: &MemberChange) -> Outcome {
        if portal.receiver.is_some() {
            return ignored("private chats have no members to change");
        }
        let reason = change.reason.as_deref().unwrap_or_default();
        let ghost = match (&change.target, change.membership) {
            (MemberTarget::Login(_), Membership::Leave | Membership::Ban) => return self.leave(txn, target, reason),
            (MemberTarget::Login(_), Membership::Join) => {
                self.stay(target);
                self.join(target, None);
                return Outcome::Done;
            }
            (MemberTarget::Login(_), _) => return ignored("only joining and leaving is known on IRC"),
            (MemberTarget::Ghost(ghost), _) => ghost,
        };
        let member = self.members(&portal.id).get(ghost).cloned();
        let nick = member.as_ref().map_or(ghost.as_str(), |m| m.nick.as_str());
        let kick = Message::new("KICK", &[target, nick, reason]);
        let lines = match change.membership {
            Membership::Invite => vec![Message::new("INVITE", &[nick, target])],
            Membership::Ban => {
                let ban = Message::new("MODE", &[target, "+b", &format!("{nick}!*@*")]);
                if member.is_some() { vec![ban, kick] } else { vec![ban] }
            }
            Membership::Leave => match self.mask_of(&portal.id, ghost) {
                Some(mask) => vec![Message::new("MODE", &[target, "-b", &mask])],
                None if member.is_some() => vec![kick],
                None => return ignored("they are not in the channel"),
            },
            Membership::Join | Membership::Knock => return ignored("IRC users join by themselves"),
        };
        self.enqueue(txn, target, lines, None)
    }
}

/// Percent-encodes what may not stand in the path of a URL.
fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_short_and_of_the_first_line() {
        assert_eq!(Quote::of("bob", "hello\nworld").text, "hello");
        let long = Quote::of("bob", &"wörd ".repeat(30));
        assert_eq!(long.text.chars().count(), QUOTE_CHARS);
        assert!(long.text.ends_with("wörd…"));
    }

    #[test]
    fn file_names_are_encoded_for_a_path() {
        assert_eq!(encode("a b/ü.png"), "a%20b%2F%C3%BC.png");
    }
}
