//! Messages and their edits.

use causeway_sdk::content::{self, Body, Mentions, Part, Poll, Text, TextKind};
use causeway_sdk::remote::{Edit, Member, Membership, NewMessage, Sender};
use causeway_sdk::{MessageRef, PortalKey, RemoteEvent, RemoteKind};

use crate::api::{Entity, Message};
use crate::call::Failure;
use crate::client::Session;
use crate::format::to_html;
use crate::id;
use crate::media::{Found, file_of, instead};
use crate::outbox::Metadata;

impl Session {
    pub(super) fn on_message(&mut self, message: Message, is_patient: bool) -> Result<(), Failure> {
        self.note_chat(&message.chat);
        if self.is_own(&message) {
            return Ok(());
        }
        let topic = topic_of(&message);
        let (sender, is_new) = self.speaker(&message);
        if self.on_service(&message, topic, &sender) {
            return Ok(());
        }
        let body = self.body_of(&message, is_patient)?;
        let (chat, number) = (message.chat.id, message.message_id);
        if is_new {
            self.introduce(&message, topic, &sender);
        }
        let part = self.part(&message, body);
        let kind = RemoteKind::Message(NewMessage {
            id: id::message(chat, number),
            message: content::Message {
                parts: vec![part],
                reply_to: self.answered(&message, topic),
                thread_root: None,
                disappear_after_ms: 0,
            },
            echo_of: None,
            upsert: false,
        });
        let portal = self.portal(chat, topic);
        self.submit(event(&message, portal, sender, format!("m {chat}:{number}"), kind));
        Ok(())
    }

    pub(super) fn on_edit(&mut self, message: Message, is_patient: bool) -> Result<(), Failure> {
        self.note_chat(&message.chat);
        if self.is_own(&message) {
            return Ok(());
        }
        let (chat, number) = (message.chat.id, message.message_id);
        let topic = topic_of(&message);
        let (sender, _) = self.speaker(&message);
        let body = self.body_of(&message, is_patient)?;
        let part = self.part(&message, body);
        // Two edits of one second are told apart by what they say.
        let said = format!("{:?}", part.body);
        let at = message.edit_date.unwrap_or(message.date);
        let key = format!("e {chat}:{number}:{at}:{:x}", fingerprint(&said));
        let edit =
            Edit { target: id::message(chat, number), changed: vec![part], removed: Vec::new(), added: Vec::new() };
        let portal = self.portal(chat, topic);
        let mut event = event(&message, portal, sender, key, RemoteKind::Edit(edit));
        (event.at, event.create_portal) = (at * 1000, false);
        self.submit(event);
        Ok(())
    }

    /// The bot's own messages are known already.
    fn is_own(&self, message: &Message) -> bool {
        message.from.as_ref().is_some_and(|from| from.id == self.me.id)
    }

    /// Who speaks, and whether they are new here: a person, or a chat that speaks in its own name.
    fn speaker(&mut self, message: &Message) -> (Sender, bool) {
        if let Some(chat) = &message.sender_chat {
            return (id::ghost(chat.id), self.note_speaker(chat));
        }
        match &message.from {
            Some(user) => (id::ghost(user.id), self.note_user(user)),
            None => (id::ghost(message.chat.id), self.note_speaker(&message.chat)),
        }
    }

    /// The ghost gets its name before it speaks.
    fn introduce(&mut self, message: &Message, topic: Option<i64>, sender: &Sender) {
        let name = sender.ghost.parse::<i64>().map(|id| self.person(id).name.clone()).ok();
        let member =
            Member { who: sender.clone(), membership: Membership::Join, power: None, nick: name, reason: None };
        let (chat, number) = (message.chat.id, message.message_id);
        let portal = self.portal(chat, topic);
        let kind = RemoteKind::Members(vec![member]);
        self.submit(event(message, portal, sender.clone(), format!("i {chat}:{number}"), kind));
    }

    fn answered(&self, message: &Message, topic: Option<i64>) -> Option<MessageRef> {
        let target = message.reply_to_message.as_ref()?;
        // Whatever is said in a topic answers what opened it.
        if topic == Some(target.message_id) {
            return None;
        }
        Some(MessageRef { id: id::message(message.chat.id, target.message_id), part: None })
    }

    fn part(&self, message: &Message, body: Body) -> Part {
        let uri = if let Body::Media(media) = &body { Some(media.uri.clone()) } else { None };
        let metadata = Metadata { numbers: Vec::new(), is_caption: uri.is_some(), uri, topic: topic_of(message) };
        Part {
            id: String::new(),
            mentions: self.mentions(message),
            body,
            extra: None,
            metadata: serde_json::to_string(&metadata).ok(),
        }
    }

    /// Ghosts by their number; the bot is its owner.
    fn mentions(&self, message: &Message) -> Mentions {
        let own = self.me.username.as_ref().map(|name| format!("@{}", name.to_lowercase()));
        let text = message.text.as_deref().or(message.caption.as_deref()).unwrap_or_default();
        let units: Vec<u16> = text.encode_utf16().collect();
        let entities = message.entities.iter().chain(&message.caption_entities);
        let (mut ghosts, mut users): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for entity in entities {
            let to = entity.offset.saturating_add(entity.length).min(units.len());
            let named = String::from_utf16_lossy(&units[entity.offset.min(to)..to]).to_lowercase();
            match (entity.kind.as_str(), &entity.user) {
                ("text_mention", Some(user)) if user.id == self.me.id => users.push(self.owner.clone()),
                ("text_mention", Some(user)) => ghosts.push(user.id.to_string()),
                ("mention", _) if Some(&named) == own.as_ref() => users.push(self.owner.clone()),
                _ => {}
            }
        }
        Mentions { ghosts, users, room: false }
    }

    fn text(&self, text: &str, entities: &[Entity]) -> Text {
        let user = |id: i64| format!("https://matrix.to/#/@{}_{id}:{}", self.bridge, self.server_name);
        let html = to_html(text, entities, &|id| Some(user(id)));
        Text { kind: TextKind::Text, body: text.to_owned(), html }
    }

    fn body_of(&self, message: &Message, is_patient: bool) -> Result<Body, Failure> {
        let notice = |body: String| Body::Text(Text { kind: TextKind::Notice, body, html: None });
        if let Some(text) = &message.text {
            return Ok(Body::Text(forwarded(message, self.text(text, &message.entities))));
        }
        if let Some(found) = file_of(message) {
            let caption = message.caption.as_ref().map(|caption| self.text(caption, &message.caption_entities));
            let caption = match (&message.forward_origin, caption) {
                (Some(_), caption) => {
                    let empty = Text { kind: TextKind::Text, body: String::new(), html: None };
                    Some(forwarded(message, caption.unwrap_or(empty)))
                }
                (None, caption) => caption,
            };
            return self.file_body(message, &found, caption, is_patient);
        }
        // A venue is a location too, as are live ones.
        if let Some(place) = &message.location {
            let venue = message.venue.as_ref().map(|venue| format!("{}, {}", venue.title, venue.address));
            let description = venue.unwrap_or_else(|| format!("Location: {}, {}", place.latitude, place.longitude));
            let (latitude, longitude) = (place.latitude, place.longitude);
            return Ok(Body::Location(content::Location { latitude, longitude, description }));
        }
        if let Some(contact) = &message.contact {
            let name = [Some(contact.first_name.as_str()), contact.last_name.as_deref()];
            let name = name.into_iter().flatten().collect::<Vec<_>>().join(" ");
            let vcard = contact.vcard.as_deref().unwrap_or_default();
            let lines = [contact.phone_number.as_str(), vcard].into_iter().filter(|line| !line.is_empty());
            return Ok(Body::Contact(content::Contact { name, vcard: lines.collect::<Vec<_>>().join("\n") }));
        }
        if let Some(poll) = &message.poll {
            let options = poll.options.iter().enumerate().map(|(i, option)| (i.to_string(), option.text.clone()));
            return Ok(Body::Poll(Poll {
                question: poll.question.clone(),
                options: options.collect(),
                max_choices: if poll.allows_multiple_answers { poll.options.len() as u32 } else { 1 },
                closed: poll.is_closed,
            }));
        }
        if let Some(dice) = &message.dice {
            return Ok(notice(format!("{} {}", dice.emoji, dice.value)));
        }
        let what: Vec<&str> = message.rest.keys().map(String::as_str).filter(|key| !is_head(key)).collect();
        let what = if what.is_empty() { "unknown".to_owned() } else { what.join(", ").replace('_', " ") };
        Ok(notice(format!("A message that only Telegram can show ({what})")))
    }

    fn file_body(
        &self,
        message: &Message,
        found: &Found<'_>,
        caption: Option<Text>,
        is_patient: bool,
    ) -> Result<Body, Failure> {
        match self.media_body(found, caption.clone(), message.has_media_spoiler) {
            Err(failure) if !is_patient => Ok(instead(found, caption, failure.text())),
            body => body,
        }
    }
}

fn event(message: &Message, portal: PortalKey, sender: Sender, key: String, kind: RemoteKind) -> RemoteEvent {
    let order = message.message_id;
    RemoteEvent { portal, sender, at: message.date * 1000, order, key, create_portal: true, kind }
}

/// The topic that a message is in; the general one is the group itself.
pub(super) fn topic_of(message: &Message) -> Option<i64> {
    message.message_thread_id.filter(|_| message.is_topic_message)
}

/// Marks what somebody else has written.
fn forwarded(message: &Message, text: Text) -> Text {
    let Some(origin) = &message.forward_origin else { return text };
    let chat = origin.sender_chat.as_ref().or(origin.chat.as_ref());
    let name = match (&origin.sender_user, &origin.sender_user_name, chat) {
        (Some(user), _, _) => user.name(),
        (_, Some(name), _) => name.clone(),
        (_, _, Some(chat)) => chat.title.clone().unwrap_or_default(),
        _ => "somebody".to_owned(),
    };
    let escaped = |text: &str| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        text.replace('\n', "<br>")
    };
    let html = text.html.clone().unwrap_or_else(|| escaped(&text.body));
    let quoted: Vec<String> = text.body.lines().map(|line| format!("> {line}")).collect();
    Text {
        body: format!("Forwarded from {name}:\n{}", quoted.join("\n")),
        html: Some(format!("Forwarded from <strong>{}</strong>:<blockquote>{html}</blockquote>", escaped(&name))),
        ..text
    }
}

/// Fields that say nothing of what a message is.
fn is_head(key: &str) -> bool {
    const HEAD: [&str; 12] = [
        "via_bot",
        "reply_markup",
        "media_group_id",
        "author_signature",
        "has_protected_content",
        "sender_boost_count",
        "is_automatic_forward",
        "link_preview_options",
        "effect_id",
        "quote",
        "external_reply",
        "sender_business_bot",
    ];
    HEAD.contains(&key)
}

/// FNV-1a.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
