//! What Matrix users do, as calls.

use causeway_sdk::content::{Body, Media, Part, Poll, Text, TextKind};
use causeway_sdk::matrix_in::{Author, MemberChange, MemberTarget, Setting};
use causeway_sdk::remote::Membership;
use causeway_sdk::{Error, ErrorKind, MatrixEvent, MatrixKind, MessageRef, Outcome, kv, matrix};
use serde_json::{Map, Value, json};

use crate::api::ChatType;
use crate::call::Call;
use crate::client::Session;
use crate::format::{Formatted, from_html, split};
use crate::outbox::Metadata;
use crate::{id, upload};

/// UTF-16 code units.
const TEXT: usize = 4096;
const CAPTION: usize = 1024;
/// Of a poll.
const QUESTION: usize = 300;
const OPTION: usize = 100;

fn ignored(why: &str) -> Outcome {
    Outcome::Ignored(why.to_owned())
}

fn unsupported(why: &str) -> Outcome {
    Outcome::Failed(Error::new(ErrorKind::Unsupported, why))
}

/// Where something goes.
#[derive(Clone, Copy)]
struct Target {
    chat: i64,
    topic: Option<i64>,
}

impl Target {
    fn parameters(self) -> Map<String, Value> {
        let mut parameters = Map::from_iter([("chat_id".to_owned(), self.chat.into())]);
        if let Some(topic) = self.topic {
            parameters.insert("message_thread_id".to_owned(), topic.into());
        }
        parameters
    }

    fn call(self, method: &str, more: Value) -> Call {
        let mut parameters = self.parameters();
        parameters.extend(more.as_object().cloned().unwrap_or_default());
        Call { method: method.to_owned(), parameters, file: None }
    }
}

impl Session {
    pub fn handle_matrix(&mut self, event: MatrixEvent) -> Outcome {
        // Settled by the send's own name, everything else by the event's.
        let txn = match &event.kind {
            MatrixKind::Send(send) => send.txn.clone(),
            _ => event.id.clone(),
        };
        if event.attempt > 1 && self.is_queued(&txn) {
            self.pump();
            return Outcome::Pending;
        }
        if self.link.is_refused {
            let text = "Telegram does not take the bot's token any more; log in again";
            return Outcome::Failed(Error::new(ErrorKind::BadCredentials, text));
        }
        let target = event.portal.as_ref().and_then(|portal| self.target(portal));
        let Some((chat, topic)) = target else { return ignored("not in a chat of this network") };
        let to = Target { chat, topic };
        let made = match &event.kind {
            MatrixKind::Send(send) => {
                let reply = send.message.reply_to.as_ref();
                self.say(to, &event.author, &send.message.parts, reply)
            }
            MatrixKind::Edit(edit) => self.edit(&edit.target, &edit.part, &event.author),
            MatrixKind::React(react) => self.react(&react.target, Some(&react.emoji)),
            MatrixKind::Unreact(unreact) => self.unreact(&unreact.target, &unreact.emoji_id),
            MatrixKind::Remove(target) => Self::remove(target),
            MatrixKind::Typing(is_typing) => {
                self.set_typing(to.chat, to.topic, *is_typing);
                return Outcome::Done;
            }
            MatrixKind::Member(change) => self.change_member(to, change),
            MatrixKind::Setting(setting) => self.set(to, setting),
            MatrixKind::PollVote(_) => Err(unsupported("a bot can't vote on Telegram")),
            MatrixKind::ReadReceipt(_)
            | MatrixKind::Unread(_)
            | MatrixKind::AcceptRequest
            | MatrixKind::DeleteChat(_)
            | MatrixKind::Raw(_) => Err(ignored("nothing that a bot does corresponds to it")),
        };
        match made {
            Ok((calls, _)) if calls.is_empty() => ignored("there is nothing in it that Telegram could take"),
            Ok((calls, metadata)) => self.enqueue(&txn, chat, calls, metadata),
            Err(outcome) => outcome,
        }
    }

    /// The number behind a Matrix user who stands for somebody on Telegram.
    pub fn number_of(&self, user: &str) -> Option<i64> {
        let rest = user.strip_prefix('@')?.strip_prefix(&self.bridge)?.strip_prefix('_')?;
        rest.strip_suffix(&self.server_name)?.strip_suffix(':')?.parse().ok().filter(|number| *number > 0)
    }

    fn formatted(&self, text: &Text, author: &Author) -> Formatted {
        let said = match &text.html {
            Some(html) => from_html(html, &|user| self.number_of(user)),
            None => Formatted::plain(text.body.trim_end()),
        };
        let name = author.relay.as_ref().map(|relay| relay.display_name.as_str());
        match (text.kind, name) {
            (TextKind::Emote, name) => {
                let mut whole = Formatted::plain(name.map(|name| format!("{name} ")).unwrap_or_default());
                whole.push(said);
                whole.within("italic")
            }
            (_, Some(name)) => {
                let mut whole = Formatted::plain(name).within("bold");
                whole.push(Formatted::plain(": "));
                whole.push(said);
                whole
            }
            (_, None) => said,
        }
    }

    fn say(
        &self,
        to: Target,
        author: &Author,
        parts: &[Part],
        reply: Option<&MessageRef>,
    ) -> Result<(Vec<Call>, Metadata), Outcome> {
        let (mut calls, mut metadata) = (Vec::new(), Metadata { topic: to.topic, ..Metadata::default() });
        for part in parts {
            match &part.body {
                Body::Text(text) => calls.extend(texts(to, &self.formatted(text, author))),
                Body::Media(media) => {
                    calls.extend(self.file(to, media, author, &mut metadata).map_err(Outcome::Failed)?);
                }
                Body::Location(place) => {
                    let what = Text { kind: TextKind::Text, body: place.description.clone(), html: None };
                    if author.relay.is_some() {
                        calls.extend(texts(to, &self.formatted(&what, author)));
                    }
                    let place = json!({"latitude": place.latitude, "longitude": place.longitude});
                    calls.push(to.call("sendLocation", place));
                }
                Body::Contact(contact) => {
                    let body = format!("{}\n{}", contact.name, contact.vcard);
                    let what = Text { kind: TextKind::Text, body, html: None };
                    calls.extend(texts(to, &self.formatted(&what, author)));
                }
                Body::Poll(poll) => calls.extend(self.poll(to, poll, author)),
                Body::Raw(_) => return Err(unsupported("Telegram has nothing like it")),
            }
        }
        if let (Some(reply), Some(first)) = (reply.and_then(|reply| id::parse_message(&reply.id)), calls.first_mut())
            && reply.0 == to.chat
        {
            let reply = json!({"message_id": reply.1, "allow_sending_without_reply": true});
            first.parameters.insert("reply_parameters".into(), reply);
        }
        Ok((calls, metadata))
    }

    /// A file with its caption; one that is too long for that follows as text.
    fn file(&self, to: Target, media: &Media, author: &Author, metadata: &mut Metadata) -> Result<Vec<Call>, Error> {
        let (mut call, has_caption) = upload::upload(media, to.parameters())?;
        metadata.uri = Some(media.uri.clone());
        let caption = self.caption(media, author);
        let mut calls = Vec::new();
        if has_caption && caption.units() <= CAPTION {
            metadata.is_caption = true;
            put(&mut call.parameters, ("caption", "caption_entities"), &caption);
            calls.push(call);
        } else {
            calls.push(call);
            calls.extend(texts(to, &caption));
        }
        Ok(calls)
    }

    fn caption(&self, media: &Media, author: &Author) -> Formatted {
        match (&media.caption, &author.relay) {
            (Some(caption), _) => self.formatted(caption, author),
            (None, Some(relay)) => Formatted::plain(&relay.display_name).within("bold"),
            (None, None) => Formatted::default(),
        }
    }

    /// As a poll where Telegram takes it as one, else as text.
    fn poll(&self, to: Target, poll: &Poll, author: &Author) -> Vec<Call> {
        let is_private = self.chats.get(&to.chat.to_string()).is_some_and(|chat| chat.kind == ChatType::Private);
        let fits = (2..=12).contains(&poll.options.len())
            && crate::format::units(&poll.question) <= QUESTION
            && poll.options.iter().all(|(_, option)| crate::format::units(option) <= OPTION && !option.is_empty());
        if is_private || !fits || poll.question.is_empty() {
            let options: Vec<String> =
                poll.options.iter().enumerate().map(|(i, (_, option))| format!("{}. {option}", i + 1)).collect();
            let body = format!("{}\n{}", poll.question, options.join("\n"));
            return texts(to, &self.formatted(&Text { kind: TextKind::Text, body, html: None }, author));
        }
        let options: Vec<Value> = poll.options.iter().map(|(_, option)| json!({"text": option})).collect();
        let question = match &author.relay {
            Some(relay) => format!("{}: {}", relay.display_name, poll.question).chars().take(QUESTION / 2).collect(),
            None => poll.question.clone(),
        };
        let more = json!({
            "question": question, "options": options, "allows_multiple_answers": poll.max_choices > 1,
        });
        vec![to.call("sendPoll", more)]
    }

    fn edit(&self, target: &MessageRef, part: &Part, author: &Author) -> Result<(Vec<Call>, Metadata), Outcome> {
        let (chat, number) = named(target)?;
        let known = metadata_of(target);
        let whole = known.numbers.first().copied().unwrap_or(number);
        let mut parameters = json!({"chat_id": chat, "message_id": whole});
        let parameters = parameters.as_object_mut().map(std::mem::take).unwrap_or_default();
        let edit = |method: &str, parameters| Call { method: method.to_owned(), parameters, file: None };
        let call = match &part.body {
            Body::Media(media) => {
                let caption = self.caption(media, author);
                if caption.units() > CAPTION {
                    return Err(unsupported("Telegram's captions have at most 1024 characters"));
                }
                let mut call = edit("editMessageCaption", parameters);
                if known.uri.as_ref() != Some(&media.uri) {
                    let (mut item, file) = upload::replacement(media).map_err(Outcome::Failed)?;
                    put(&mut item, ("caption", "caption_entities"), &caption);
                    call = edit("editMessageMedia", call.parameters);
                    call.parameters.insert("media".into(), Value::Object(item));
                    call.file = Some(file);
                } else {
                    put(&mut call.parameters, ("caption", "caption_entities"), &caption);
                }
                call
            }
            Body::Text(text) => {
                let said = self.formatted(text, author);
                let keys = if known.is_caption { ("caption", "caption_entities") } else { ("text", "entities") };
                if said.units() > if known.is_caption { CAPTION } else { TEXT } || known.numbers.len() > 1 {
                    return Err(unsupported("Telegram can't edit a text that is longer than one of its messages"));
                }
                let method = if known.is_caption { "editMessageCaption" } else { "editMessageText" };
                let mut call = edit(method, parameters);
                put(&mut call.parameters, keys, &said);
                call
            }
            _ => return Err(unsupported("Telegram can't edit this kind of message")),
        };
        Ok((vec![call], Metadata::default()))
    }

    /// The bot has one reaction to a message, whoever is spoken for.
    fn react(&self, target: &MessageRef, emoji: Option<&str>) -> Result<(Vec<Call>, Metadata), Outcome> {
        let (chat, number) = named(target)?;
        // Telegram's emojis go without the mark that they are to be shown as pictures.
        let emoji = emoji.map(|emoji| emoji.trim_end_matches('\u{fe0f}').to_owned());
        let row = reaction_row(chat, number);
        match &emoji {
            Some(emoji) => {
                if let Err(error) = kv::set(&row, emoji.as_bytes()) {
                    return Err(Outcome::Failed(error));
                }
            }
            None => kv::delete(&row),
        }
        let reaction: Vec<Value> = emoji.iter().map(|emoji| json!({"type": "emoji", "emoji": emoji})).collect();
        let parameters = json!({"chat_id": chat, "message_id": number, "reaction": reaction});
        Ok((vec![Call::new("setMessageReaction", parameters)], Metadata::default()))
    }

    fn unreact(&self, target: &MessageRef, emoji: &str) -> Result<(Vec<Call>, Metadata), Outcome> {
        let (chat, number) = named(target)?;
        let present = kv::get(&reaction_row(chat, number)).unwrap_or_default();
        if present != emoji.trim_end_matches('\u{fe0f}').as_bytes() {
            return Err(ignored("another reaction has taken its place on Telegram"));
        }
        self.react(target, None)
    }

    fn remove(target: &MessageRef) -> Result<(Vec<Call>, Metadata), Outcome> {
        let (chat, number) = named(target)?;
        let numbers = metadata_of(target).numbers;
        let call = match numbers.as_slice() {
            [] | [_] => Call::new("deleteMessage", json!({"chat_id": chat, "message_id": number})),
            _ => Call::new("deleteMessages", json!({"chat_id": chat, "message_ids": numbers})),
        };
        Ok((vec![call], Metadata::default()))
    }

    fn change_member(&self, to: Target, change: &MemberChange) -> Result<(Vec<Call>, Metadata), Outcome> {
        let MemberTarget::Ghost(ghost) = &change.target else {
            return Err(ignored("the bot stays in the chat; take it out there"));
        };
        let is_private = self.chats.get(&to.chat.to_string()).is_some_and(|chat| chat.kind == ChatType::Private);
        let is_basic = self.chats.get(&to.chat.to_string()).is_some_and(|chat| chat.kind == ChatType::Group);
        let user = ghost.parse::<i64>().unwrap_or_default();
        if is_private || user <= 0 || to.topic.is_some() {
            return Err(ignored("it has no members to change"));
        }
        let parameters = json!({"chat_id": to.chat, "user_id": user});
        let method = match change.membership {
            Membership::Ban => "banChatMember",
            // A basic group knows no bans: who is taken out may come back.
            Membership::Leave if is_basic => "banChatMember",
            // Who is not banned is taken out by this, and may come back.
            Membership::Leave => "unbanChatMember",
            Membership::Invite => {
                return Err(unsupported("a bot can't add anybody to a chat; send them its invite link"));
            }
            Membership::Join | Membership::Knock => return Err(ignored("they join by themselves")),
        };
        Ok((vec![Call::new(method, parameters)], Metadata::default()))
    }

    fn set(&self, to: Target, setting: &Setting) -> Result<(Vec<Call>, Metadata), Outcome> {
        let is_private = self.chats.get(&to.chat.to_string()).is_some_and(|chat| chat.kind == ChatType::Private);
        if is_private || to.topic.is_some() {
            return Err(ignored("it has no such setting on Telegram"));
        }
        let chat = to.chat;
        let call = match setting {
            Setting::Name(name) => Call::new("setChatTitle", json!({"chat_id": chat, "title": name})),
            Setting::Topic(topic) => Call::new("setChatDescription", json!({"chat_id": chat, "description": topic})),
            Setting::Avatar(Some(uri)) => {
                let file = crate::call::Attachment {
                    field: "photo".into(),
                    uri: uri.clone(),
                    name: "photo.jpg".into(),
                    mime: "image/jpeg".into(),
                };
                Call { file: Some(file), ..Call::new("setChatPhoto", json!({"chat_id": chat})) }
            }
            Setting::Avatar(None) => Call::new("deleteChatPhoto", json!({"chat_id": chat})),
            _ => return Err(ignored("no such setting on Telegram")),
        };
        Ok((vec![call], Metadata::default()))
    }
}

/// A text as calls, each with as much as Telegram takes.
fn texts(to: Target, said: &Formatted) -> Vec<Call> {
    let call = |piece: Formatted| {
        let mut call = to.call("sendMessage", json!({}));
        put(&mut call.parameters, ("text", "entities"), &piece);
        call
    };
    split(said, TEXT).into_iter().map(call).collect()
}

fn put(parameters: &mut Map<String, Value>, keys: (&str, &str), said: &Formatted) {
    if said.text.is_empty() && keys.0 == "caption" && !parameters.contains_key("message_id") {
        return;
    }
    parameters.insert(keys.0.to_owned(), said.text.as_str().into());
    if !said.entities.is_empty() {
        let entities = serde_json::to_value(&said.entities).unwrap_or_default();
        parameters.insert(keys.1.to_owned(), entities);
    }
}

fn named(target: &MessageRef) -> Result<(i64, i64), Outcome> {
    id::parse_message(&target.id)
        .ok_or_else(|| Outcome::Failed(Error::new(ErrorKind::NotFound, "Telegram has no such message")))
}

pub fn metadata_of(target: &MessageRef) -> Metadata {
    matrix::message_metadata(target).and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default()
}

fn reaction_row(chat: i64, number: i64) -> String {
    format!("reaction {chat}:{number}")
}
