//! What Matrix users say, as calls that say it.

use causeway_sdk::content::{Body, Media, Part, Text, TextKind};
use causeway_sdk::matrix_in::Author;
use causeway_sdk::{Error, ErrorKind, MessageRef, Outcome, media};
use serde_json::{Value, json};

use crate::api::Snowflake;
use crate::call::{Attachment, Call, message_path};
use crate::client::Session;
use crate::format::{Markdown, escape_markdown, from_html, split};
use crate::handlematrix::{Made, unsupported};
use crate::id;
use crate::outbox::Metadata;

/// Characters of a message.
pub const TEXT: usize = 2000;
/// The same of one that a webhook says: the name may have to stand before it after all.
const TEXT_OF_WEBHOOK: usize = 1800;
/// What Discord takes from a bot at most, where a server has no boosts.
const UPLOAD_BYTES: u64 = 10 << 20;
/// People who may be mentioned in one message.
const MENTIONS: usize = 100;

/// What is said, and who is told of it.
#[derive(Default)]
pub struct Said {
    pub text: String,
    pub mentioned: Vec<String>,
}

impl Said {
    fn calls(&self, target: Snowflake, most: usize) -> Vec<Call> {
        split(&self.text, most).iter().map(|piece| message(target, piece, &self.mentioned)).collect()
    }
}

/// A name before what is said in it.
pub fn under_name(name: &str, said: &str) -> String {
    let name = escape_markdown(name);
    match said {
        "" => format!("**{name}**"),
        // What marks a whole line stands at its beginning.
        said if said.starts_with(['>', '#', '-', '`']) => format!("**{name}**:\n{said}"),
        said => format!("**{name}**: {said}"),
    }
}

impl Session {
    /// The id behind a Matrix user who stands for somebody on Discord.
    fn number_of(&self, user: &str) -> Option<u64> {
        let rest = user.strip_prefix('@')?.strip_prefix(&self.bridge)?.strip_prefix('_')?;
        rest.strip_suffix(&self.server_name)?.strip_suffix(':')?.parse().ok()
    }

    pub fn said(&self, channel: Snowflake, text: &Text, author: &Author) -> Said {
        let name = author.relay.as_ref().map(|relay| relay.display_name.as_str());
        let Markdown { text: said, mentioned } = match &text.html {
            Some(html) => {
                let user = |user: &str| self.number_of(user);
                let emoji = |name: &str| {
                    let (id, moves) = self.custom_emoji(channel, name)?;
                    Some(format!("<{}:{name}:{id}>", if moves { "a" } else { "" }))
                };
                from_html(html, &user, &emoji)
            }
            None => Markdown { text: escape_markdown(text.body.trim_end()), mentioned: Vec::new() },
        };
        let text = match (text.kind, name) {
            (TextKind::Emote, Some(name)) => format!("_**{}** {said}_", escape_markdown(name)),
            (TextKind::Emote, None) => format!("_{said}_"),
            (_, Some(name)) => under_name(name, &said),
            (_, None) => said,
        };
        Said { text, mentioned: mentioned.into_iter().take(MENTIONS).map(|id| id.to_string()).collect() }
    }

    /// Where something is to be said: the channel, or a thread of it, which the calls open where there is none.
    fn stage(&self, channel: Snowflake, root: Option<&str>, name: &str) -> (Snowflake, Vec<Call>) {
        let Some(root) = root else { return (channel, Vec::new()) };
        match self.thread_of(root) {
            (Some(thread), _) => (thread, Vec::new()),
            (None, true) => {
                let Some((channel, message)) = id::parse_message(root) else { return (channel, Vec::new()) };
                let name: String = name.lines().next().unwrap_or_default().chars().take(90).collect();
                let name = if name.trim().is_empty() { "Thread".to_owned() } else { name };
                let path = format!("{}/threads", message_path(channel, message));
                // It has the id of the message that it begins with.
                (message, vec![Call::new("POST", path, json!({"name": name}))])
            }
            // In a private chat, or a thread already.
            (None, false) => (id::parse_message(root).map_or(channel, |(within, _)| within), Vec::new()),
        }
    }

    pub fn say(
        &self,
        channel: Snowflake,
        root: Option<&str>,
        author: &Author,
        parts: &[Part],
        reply: Option<&MessageRef>,
    ) -> Made {
        let first = parts.first().map(|part| name_of(&part.body)).unwrap_or_default();
        let (target, mut calls) = self.stage(channel, root, &first);
        let opening = calls.len();
        let hook = author.relay.as_ref().and_then(|relay| Some((relay, self.webhook_of(channel)?)));
        let most = if hook.is_some() { TEXT_OF_WEBHOOK } else { TEXT };
        // A webhook says it under their own name.
        let bare = Author { relay: author.relay.clone().filter(|_| hook.is_none()), ..author.clone() };
        let author = &bare;
        let mut metadata = Metadata { webhook: hook.map(|(_, channel)| channel), ..Metadata::default() };
        for part in parts {
            match &part.body {
                Body::Text(text) => calls.extend(self.said(channel, text, author).calls(target, most)),
                Body::Media(media) => {
                    calls.extend(self.file((channel, target), media, author, most)?);
                    metadata.uri = Some(media.uri.clone());
                }
                Body::Location(place) => {
                    let address = format!(
                        "https://www.openstreetmap.org/?mlat={0}&mlon={1}#map=16/{0}/{1}",
                        place.latitude, place.longitude
                    );
                    let body = format!("{}\n{address}", place.description);
                    calls.extend(self.said(channel, &plain(body), author).calls(target, most));
                }
                Body::Contact(contact) => {
                    let body = format!("{}\n{}", contact.name, contact.vcard);
                    calls.extend(self.said(channel, &plain(body), author).calls(target, most));
                }
                Body::Poll(poll) => {
                    let options: Vec<String> = poll
                        .options
                        .iter()
                        .enumerate()
                        .map(|(i, (_, option))| format!("{}. {option}", i + 1))
                        .collect();
                    let body = format!("{}\n{}", poll.question, options.join("\n"));
                    calls.extend(self.said(channel, &plain(body), author).calls(target, most));
                }
                Body::Raw(_) => return Err(unsupported("Discord has nothing like it")),
            }
        }
        let answered = reply.and_then(|reply| id::parse_message(&reply.id)).filter(|(within, _)| *within == target);
        if let (Some((_, answered)), Some(first)) = (answered, calls.get_mut(opening)) {
            first.body["message_reference"] = json!({"message_id": answered, "fail_if_not_exists": false});
        }
        if let Some((relay, hook)) = hook {
            let through = |call: &mut Call| self.through_webhook(call, (hook, target), relay);
            calls.iter_mut().filter(|call| call.makes_message()).for_each(through);
        }
        Ok((calls, metadata))
    }

    /// A file with its caption; one that is too long for that follows as text.
    fn file(
        &self,
        (channel, target): (Snowflake, Snowflake),
        file: &Media,
        author: &Author,
        most: usize,
    ) -> Result<Vec<Call>, Outcome> {
        let said = self.caption(channel, file, author);
        let mut pieces = split(&said.text, most).into_iter();
        let caption = pieces.next().unwrap_or_default();
        let mut call = message(target, &caption, &said.mentioned);
        call.file = Some(attachment(file).map_err(Outcome::Failed)?);
        Ok(std::iter::once(call).chain(pieces.map(|piece| message(target, &piece, &said.mentioned))).collect())
    }

    pub fn caption(&self, channel: Snowflake, media: &Media, author: &Author) -> Said {
        match (&media.caption, &author.relay) {
            (Some(caption), _) => self.said(channel, caption, author),
            (None, Some(relay)) => Said { text: under_name(&relay.display_name, ""), mentioned: Vec::new() },
            (None, None) => Said::default(),
        }
    }
}

fn plain(body: String) -> Text {
    Text { kind: TextKind::Text, body, html: None }
}

/// What a thread that begins with it may be called.
fn name_of(body: &Body) -> String {
    match body {
        Body::Text(text) => text.body.clone(),
        Body::Media(media) => media.file_name.clone(),
        Body::Poll(poll) => poll.question.clone(),
        _ => String::new(),
    }
}

fn message(target: Snowflake, text: &str, mentioned: &[String]) -> Call {
    let body = json!({"content": text, "allowed_mentions": allowed(mentioned)});
    Call::new("POST", format!("/channels/{target}/messages"), body)
}

/// Whoever is named on purpose is told, and who is answered; nobody else, whatever the text says.
pub fn allowed(mentioned: &[String]) -> Value {
    json!({"parse": [], "users": mentioned, "replied_user": true})
}

pub fn attachment(file: &Media) -> Result<Attachment, Error> {
    let size = match file.info.size {
        Some(size) => size,
        None => media::open(&file.uri)?.size(),
    };
    if size > UPLOAD_BYTES {
        let text = format!("Discord takes files of at most 10 MB from a bot; this one has {:.0} MB", size as f64 / 1e6);
        return Err(Error::new(ErrorKind::TooLarge, text));
    }
    let mime = file.info.mime.clone().unwrap_or_else(|| "application/octet-stream".to_owned());
    let name = match file.file_name.trim() {
        "" => "file".to_owned(),
        name => name.replace(['/', '\\'], "_"),
    };
    // Discord tells what a file is by the end of its name.
    let end = mime.rsplit('/').next().filter(|end| end.chars().all(|c| c.is_ascii_alphanumeric())).unwrap_or("bin");
    let name = if name.contains('.') { name } else { format!("{name}.{end}") };
    let name = if file.spoiler { format!("SPOILER_{name}") } else { name };
    Ok(Attachment { uri: file.uri.clone(), name, mime })
}
