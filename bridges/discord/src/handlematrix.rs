//! What Matrix users do, as calls.

use causeway_sdk::content::{Body, Part};
use causeway_sdk::matrix_in::{Author, Setting};
use causeway_sdk::{Error, ErrorKind, MatrixEvent, MatrixKind, MessageRef, Outcome};
use serde_json::{Value, json};

use crate::api::Snowflake;
use crate::call::Call;
use crate::client::Session;
use crate::format::split;
use crate::id;
use crate::outbox::{Metadata, metadata_of};
use crate::speech::{Said, TEXT, allowed, attachment};
use crate::webhooks::about;

fn ignored(why: &str) -> Outcome {
    Outcome::Ignored(why.to_owned())
}

pub fn unsupported(why: &str) -> Outcome {
    Outcome::Failed(Error::new(ErrorKind::Unsupported, why))
}

pub type Made = Result<(Vec<Call>, Metadata), Outcome>;

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
        if let Some(reason) = &self.link.refused {
            return Outcome::Failed(Error::new(ErrorKind::BadCredentials, reason.clone()));
        }
        let Some(channel) = event.portal.as_ref().and_then(|portal| portal.id.parse::<Snowflake>().ok()) else {
            return ignored("not in a channel of this network");
        };
        let user = &event.author.user;
        let bare = |calls: Vec<Call>| (calls, Metadata::default());
        let made = match &event.kind {
            MatrixKind::Send(send) => {
                let message = &send.message;
                let root = message.thread_root.as_deref();
                self.say(channel, root, &event.author, &message.parts, message.reply_to.as_ref())
            }
            MatrixKind::Edit(edit) => self.edit(&edit.target, &edit.part, &event.author),
            MatrixKind::React(react) => {
                named(&react.target).and_then(|to| self.react(to, &react.emoji, user)).map(bare)
            }
            MatrixKind::Unreact(unreact) => {
                named(&unreact.target).and_then(|to| self.unreact(to, &unreact.emoji_id, user)).map(bare)
            }
            MatrixKind::Remove(target) => remove(target).map(bare),
            MatrixKind::Typing(is_typing) => {
                self.set_typing(channel, *is_typing);
                return Outcome::Done;
            }
            MatrixKind::Setting(Setting::Topic(topic)) => self.set_topic(channel, topic).map(bare),
            MatrixKind::Setting(_) => Err(ignored("it is set on Discord")),
            MatrixKind::Member(_) => {
                Err(ignored("a channel's members are its server's; who is to leave that is taken out there"))
            }
            MatrixKind::PollVote(_) => Err(unsupported("a bot can't vote on Discord")),
            MatrixKind::ReadReceipt(_)
            | MatrixKind::Unread(_)
            | MatrixKind::AcceptRequest
            | MatrixKind::DeleteChat(_)
            | MatrixKind::Raw(_) => Err(ignored("nothing that a bot does corresponds to it")),
        };
        match made {
            Ok((calls, _)) if calls.is_empty() => ignored("there is nothing in it that Discord could take"),
            Ok((calls, metadata)) => self.enqueue(&txn, channel, calls, metadata),
            Err(outcome) => outcome,
        }
    }

    fn edit(&self, target: &MessageRef, part: &Part, author: &Author) -> Made {
        let (channel, number) = named(target)?;
        let known = metadata_of(target);
        let numbers = if known.numbers.is_empty() { vec![number] } else { known.numbers.clone() };
        // What a webhook said is under their own name already.
        let bare = Author { relay: author.relay.clone().filter(|_| known.webhook.is_none()), ..author.clone() };
        let author = &bare;
        let change = |number, said: &Said, piece: &str| {
            let body = json!({"content": piece, "allowed_mentions": allowed(&said.mentioned)});
            about("PATCH", known.webhook, (channel, number), body)
        };
        let said = match &part.body {
            Body::Media(media) if known.uri.as_ref() == Some(&media.uri) => self.caption(channel, media, author),
            Body::Media(media) => {
                let said = self.caption(channel, media, author);
                let mut call = change(numbers[0], &said, &said.text);
                if said.text.chars().count() > TEXT || numbers.len() > 1 {
                    return Err(unsupported("Discord can't edit a text that is longer than one of its messages"));
                }
                // Only what is named stays: the new one alone.
                call.body["attachments"] = json!([{"id": 0}]);
                call.file = Some(attachment(media).map_err(Outcome::Failed)?);
                return Ok((vec![call], Metadata::default()));
            }
            Body::Text(text) => self.said(channel, text, author),
            _ => return Err(unsupported("Discord can't edit this kind of message")),
        };
        let mut pieces = split(&said.text, TEXT);
        if pieces.is_empty() && known.uri.is_some() {
            pieces.push(String::new());
        }
        if pieces.len() > numbers.len() {
            return Err(unsupported("Discord can't edit a text into one that is longer than its messages"));
        }
        let mut left = numbers.into_iter();
        let mut calls: Vec<Call> =
            pieces.iter().zip(left.by_ref()).map(|(piece, number)| change(number, &said, piece)).collect();
        if !calls.is_empty() {
            calls.extend(left.map(|number| about("DELETE", known.webhook, (channel, number), Value::Null)));
        }
        Ok((calls, Metadata::default()))
    }

    fn set_topic(&self, channel: Snowflake, topic: &str) -> Result<Vec<Call>, Outcome> {
        let row = self.channel(channel).filter(|row| row.guild.is_some() && row.parent.is_none());
        let row = row.ok_or_else(|| ignored("it has no such setting on Discord"))?;
        if row.topic == topic {
            return Err(Outcome::Done);
        }
        let topic: String = topic.chars().take(1024).collect();
        Ok(vec![Call::new("PATCH", format!("/channels/{channel}"), json!({"topic": topic}))])
    }
}

fn remove(target: &MessageRef) -> Result<Vec<Call>, Outcome> {
    let (channel, number) = named(target)?;
    let known = metadata_of(target);
    let numbers = if known.numbers.is_empty() { vec![number] } else { known.numbers };
    let delete = |number| about("DELETE", known.webhook, (channel, number), Value::Null);
    Ok(numbers.into_iter().map(delete).collect())
}

fn named(target: &MessageRef) -> Result<(Snowflake, Snowflake), Outcome> {
    id::parse_message(&target.id)
        .ok_or_else(|| Outcome::Failed(Error::new(ErrorKind::NotFound, "Discord has no such message")))
}

#[cfg(test)]
mod tests {
    use causeway_sdk::content::{self, Media, Mentions, Text, TextKind};
    use causeway_sdk::matrix_in::{Edit, RelayProfile, Send};
    use causeway_sdk::{PortalKey, testing};

    use super::*;
    use crate::client::{connected, sent_body};

    fn text(html: &str) -> Part {
        let html = Some(html.to_owned());
        Part {
            id: String::new(),
            body: Body::Text(Text { kind: TextKind::Text, body: "body".into(), html }),
            mentions: Mentions { ghosts: Vec::new(), users: Vec::new(), room: false },
            extra: None,
            metadata: None,
        }
    }

    fn event(id: &str, kind: MatrixKind, relay: Option<&str>) -> MatrixEvent {
        let relay = relay.map(|name| RelayProfile {
            display_name: name.to_owned(),
            avatar_url: None,
            prefix: format!("{name}: "),
        });
        MatrixEvent {
            portal: Some(PortalKey { id: "60".into(), receiver: None }),
            room: "!r:test".into(),
            id: id.into(),
            at: 1,
            author: causeway_sdk::matrix_in::Author { user: "@bob:test".into(), login: "7".into(), relay },
            kind,
            attempt: 1,
        }
    }

    fn send(session: &mut Session, part: Part, reply: Option<&str>, root: Option<&str>) -> Outcome {
        let message = content::Message {
            parts: vec![part],
            reply_to: reply.map(|id| MessageRef { id: id.into(), part: None }),
            thread_root: root.map(str::to_owned),
            disappear_after_ms: 0,
        };
        let id = format!("$e{}", *session.place);
        session.handle_matrix(event(&id, MatrixKind::Send(Send { message, txn: id.clone() }), None))
    }

    /// Method, path and body of the requests begun since the last look.
    fn begun() -> Vec<(String, Value)> {
        let requests = testing::with(|host| std::mem::take(&mut host.requests));
        let brief = |(_, request): (String, causeway_sdk::http::Request)| {
            let path = request.url.trim_start_matches("http://api");
            (format!("{} {path}", request.method), sent_body(&request))
        };
        requests.into_iter().map(brief).collect()
    }

    #[test]
    fn a_text_tells_only_those_whom_it_names_and_answers_what_is_there() {
        let mut session = connected();
        let part = text("<a href=\"https://matrix.to/#/@discord_11:test\">Wilma</a> <b>hi</b> @everyone");
        assert!(matches!(send(&mut session, part, Some("60:5"), None), Outcome::Pending));
        let (path, body) = begun().remove(0);
        assert_eq!(path, "POST /channels/60/messages");
        assert_eq!(body["content"], "<@11> **hi** @everyone");
        assert_eq!(body["allowed_mentions"], json!({"parse": [], "users": ["11"], "replied_user": true}));
        assert_eq!(body["message_reference"], json!({"message_id": "5", "fail_if_not_exists": false}));
    }

    #[test]
    fn a_thread_is_opened_where_there_is_none_and_an_answer_to_another_channel_is_a_text() {
        let mut session = connected();
        send(&mut session, text("in it"), Some("60:4"), Some("60:5"));
        assert_eq!(begun(), [("POST /channels/60/messages/5/threads".to_owned(), json!({"name": "body"}))]);
        session.sent("000000000001", Ok(json!({"id": "5"})));
        let (path, body) = begun().remove(0);
        assert_eq!((path.as_str(), body.get("message_reference")), ("POST /channels/5/messages", None));
        session.sent("000000000001", Ok(json!({"id": "6"})));
        let settled = testing::with(|host| std::mem::take(&mut host.settled));
        let Outcome::Sent(parts) = &settled[0].1 else { panic!("it has arrived") };
        assert_eq!(parts[0].id, "5:6", "a thread's messages are in the thread");
    }

    #[test]
    fn an_edit_changes_each_of_the_messages_that_a_text_became() {
        let mut session = connected();
        let metadata = Metadata { numbers: vec![Snowflake(5), Snowflake(6)], ..Metadata::default() };
        let json = serde_json::to_string(&metadata).unwrap();
        testing::with(|host| host.metadata.insert("60:6".into(), json));
        let target = MessageRef { id: "60:6".into(), part: Some("1".into()) };
        let edit = MatrixKind::Edit(Edit { target: target.clone(), part: text("short") });
        session.handle_matrix(event("$1", edit, None));
        session.sent("000000000001", Ok(json!({"id": "5"})));
        let paths: Vec<String> = begun().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["PATCH /channels/60/messages/5", "DELETE /channels/60/messages/6"]);
        let longer = MatrixKind::Edit(Edit { target, part: text(&"a ".repeat(3000)) });
        assert!(matches!(session.handle_matrix(event("$2", longer, None)), Outcome::Failed(_)));
    }

    #[test]
    fn whoever_is_spoken_for_is_named_and_their_name_marks_nothing() {
        let session = connected();
        let author = event("$1", MatrixKind::Typing(true), Some("B*b")).author;
        let say =
            |kind, body: &str| session.said(Snowflake(60), &Text { kind, body: body.into(), html: None }, &author).text;
        assert_eq!(say(TextKind::Text, "a_b"), "**B\\*b**: a\\_b");
        assert_eq!(say(TextKind::Emote, "waves"), "_**B\\*b** waves_");
    }

    #[test]
    fn a_file_goes_with_its_caption_and_one_that_is_too_large_does_not() {
        let mut session = connected();
        let info = content::MediaInfo {
            mime: Some("image/png".into()),
            size: Some(5),
            width: None,
            height: None,
            duration_ms: None,
            blurhash: None,
            waveform: Vec::new(),
        };
        let media = Media {
            kind: content::MediaKind::Image,
            uri: "mxc://test/a".into(),
            file_name: "a".into(),
            caption: Some(Text { kind: TextKind::Text, body: "look".into(), html: None }),
            info,
            thumbnail: None,
            spoiler: true,
        };
        let large = Media { info: content::MediaInfo { size: Some(20 << 20), ..media.info.clone() }, ..media.clone() };
        send(&mut session, Part { body: Body::Media(media), ..text("") }, None, None);
        let call = &session.outbox.get("000000000001").unwrap().calls[0];
        assert_eq!(call.file.as_ref().unwrap().name, "SPOILER_a.png");
        assert_eq!(call.body["content"], "look");
        let outcome = send(&mut session, Part { body: Body::Media(large), ..text("") }, None, None);
        assert!(matches!(outcome, Outcome::Failed(Error { kind: ErrorKind::TooLarge, .. })));
    }
}
