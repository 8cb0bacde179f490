//! What a message of Discord's holds, as the parts of one of Matrix.

use causeway_sdk::content::{Body, Media, MediaInfo, MediaKind, Mentions, Part, Poll, Text, TextKind};
use causeway_sdk::media;

use crate::api::{Attachment, Embed, Message, Snowflake, Sticker};
use crate::client::Session;
use crate::format::{Names, emoji_in, escape, to_html};
use crate::outbox::Metadata;
use crate::people::{download, passes};

/// What the hub takes at most.
const FILE_BYTES: u64 = 32 << 20;
/// What is tried again later waits so many milliseconds.
const PAUSE: u64 = 2_000;
const LOTTIE: u64 = 3;
/// Custom emoji of one message whose pictures are fetched, and what one may have.
const EMOJI: usize = 20;
const EMOJI_BYTES: u64 = 1 << 20;

impl Names for Session {
    fn user(&self, id: u64) -> Option<(String, String)> {
        if id == self.me.id.0 {
            return Some((self.me.name.clone(), format!("https://matrix.to/#/{}", self.owner)));
        }
        let key = id.to_string();
        let name = match self.people.get(&key) {
            Some(row) => row.name.clone(),
            None => causeway_sdk::kv::get_json::<crate::people::Person>(&format!("person {key}"))?.name,
        };
        let link = format!("https://matrix.to/#/@{}_{id}:{}", self.bridge, self.server_name);
        Some((name, link)).filter(|(name, _)| !name.is_empty())
    }

    fn channel(&self, id: u64) -> Option<(String, String)> {
        self.link_to(Snowflake(id))
    }

    fn role(&self, id: u64) -> Option<String> {
        self.guilds
            .iter()
            .find_map(|(_, guild)| guild.roles.get(&id))
            .map(|name| name.trim_start_matches('@').to_owned())
    }

    fn emoji(&self, id: u64) -> Option<String> {
        self.emoji.get(&id.to_string()).cloned()
    }
}

impl Session {
    /// Brings the pictures of the custom emoji in a text here. Where that does not succeed, their names say enough.
    pub fn fetch_emoji(&mut self, text: &str) {
        let unknown: Vec<(u64, bool)> =
            emoji_in(text).into_iter().filter(|(id, _)| !self.emoji.contains(&id.to_string())).take(EMOJI).collect();
        for (id, moves) in unknown {
            let (end, mime) = if moves { ("gif", "image/gif") } else { ("png", "image/png") };
            let url = format!("{}/emojis/{id}.{end}", self.config.cdn_base);
            match media::fetch(&download(url), &format!("{id}.{end}"), Some(mime), EMOJI_BYTES) {
                Ok(uri) => self.emoji.insert(&id.to_string(), uri),
                Err(error) if passes(&error) => return,
                Err(_) => {}
            }
        }
    }

    /// One part with everything where there is one file at most; else the text, and the files behind it. `known` is what is
    /// kept with the message already, whose files are not fetched again.
    ///
    /// # Errors
    /// A file can't be had now: try again in so many milliseconds.
    pub fn parts(&self, message: &Message, known: &Metadata, is_patient: bool) -> Result<Vec<Part>, u64> {
        let said = self.text_of(message);
        let mut bodies: Vec<(String, Body)> = Vec::new();
        for attachment in &message.attachments {
            let id = attachment.id.to_string();
            bodies.push((id.clone(), self.file_body(attachment, known.files.get(&id), is_patient)?));
        }
        for sticker in &message.sticker_items {
            let id = sticker.id.to_string();
            bodies.push((id.clone(), self.sticker_body(sticker, known.files.get(&id), is_patient)?));
        }
        if let Some(poll) = &message.poll {
            bodies.push(("poll".to_owned(), Body::Poll(poll_of(poll))));
        }
        let was_alone = known.parts.is_empty() || known.parts.len() == 1;
        let files: std::collections::BTreeMap<String, String> = bodies
            .iter()
            .filter_map(
                |(id, body)| if let Body::Media(media) = body { Some((id.clone(), media.uri.clone())) } else { None },
            )
            .collect();
        let mut parts: Vec<(String, Body)> = Vec::new();
        let mut has_caption = false;
        match (said, bodies.len()) {
            (Some(said), 1)
                if was_alone && matches!(&bodies[0].1, Body::Media(media) if media.kind != MediaKind::Sticker) =>
            {
                if let Some((_, Body::Media(media))) = bodies.pop() {
                    has_caption = true;
                    parts.push((String::new(), Body::Media(Media { caption: Some(said), ..media })));
                }
            }
            (Some(said), _) => parts.push((String::new(), Body::Text(said))),
            // The first stands for the whole.
            (None, 1..) if was_alone || !known.parts.contains(&bodies[0].0) => {
                parts.push((String::new(), bodies.remove(0).1));
            }
            (None, 1..) => {}
            (None, 0) => {
                let body = "A message that only Discord can show".to_owned();
                parts.push((String::new(), Body::Text(Text { kind: TextKind::Notice, body, html: None })));
            }
        }
        parts.append(&mut bodies);
        let metadata = Metadata {
            parts: parts.iter().map(|(id, _)| id.clone()).collect(),
            files,
            has_caption,
            ..Metadata::default()
        };
        let metadata = serde_json::to_string(&metadata).ok();
        let mentions = self.mentions(message);
        let nobody = Mentions { ghosts: Vec::new(), users: Vec::new(), room: false };
        let part = |(id, body): (String, Body)| Part {
            mentions: if id.is_empty() { mentions.clone() } else { nobody.clone() },
            id,
            body,
            extra: None,
            metadata: metadata.clone(),
        };
        Ok(parts.into_iter().map(part).collect())
    }

    /// Ghosts by their id; the bot is its owner.
    fn mentions(&self, message: &Message) -> Mentions {
        let others = message.mentions.iter().filter(|user| user.id != self.me.id);
        let is_me = message.mentions.iter().any(|user| user.id == self.me.id);
        Mentions {
            ghosts: others.map(|user| user.id.to_string()).collect(),
            users: is_me.then(|| self.owner.clone()).into_iter().collect(),
            room: message.mention_everyone,
        }
    }

    /// What a message says, with what programs have put beside it.
    fn text_of(&self, message: &Message) -> Option<Text> {
        let mut said =
            message.content.as_deref().map(|content| self.text(content)).filter(|text| !text.body.is_empty());
        for snapshot in &message.message_snapshots {
            let inner = self.text_of(&snapshot.message).unwrap_or_else(|| plain("a message without a text"));
            said = Some(joined(said, forwarded(inner)));
        }
        // Previews of links say nothing that the link does not.
        let has_text = said.is_some();
        for embed in message.embeds.iter().filter(|embed| !has_text || embed.kind == "rich") {
            if let Some(text) = embed_text(embed) {
                said = Some(joined(said, self.text(&text)));
            }
        }
        said
    }

    pub fn text(&self, content: &str) -> Text {
        let (body, html) = to_html(content, self);
        Text { kind: TextKind::Text, body, html }
    }

    fn file_body(&self, file: &Attachment, known: Option<&String>, is_patient: bool) -> Result<Body, u64> {
        let mime = file.content_type.clone().unwrap_or_else(|| "application/octet-stream".to_owned());
        let kind = match mime.split('/').next() {
            Some("image") => MediaKind::Image,
            Some("video") => MediaKind::Video,
            Some("audio") if file.filename == "voice-message.ogg" => MediaKind::Voice,
            Some("audio") => MediaKind::Audio,
            _ => MediaKind::File,
        };
        let described = format!("{} ({mime}, {:.1} MB)", file.filename, file.size as f64 / 1e6);
        let uri = match known {
            Some(uri) => uri.clone(),
            None if file.size > FILE_BYTES => {
                return Ok(instead(&described, &file.url, "it is larger than what the bridge brings"));
            }
            None => match media::fetch(&download(file.url.clone()), &file.filename, Some(&mime), FILE_BYTES) {
                Ok(uri) => uri,
                Err(error) if is_patient && passes(&error) => return Err(PAUSE),
                Err(error) => return Ok(instead(&described, &file.url, &error.message)),
            },
        };
        Ok(Body::Media(Media {
            kind,
            uri,
            file_name: file.filename.clone(),
            caption: None,
            info: MediaInfo {
                mime: Some(mime),
                size: Some(file.size),
                width: file.width,
                height: file.height,
                duration_ms: file.duration_secs.map(|seconds| (seconds.max(0.0) * 1000.0) as u64),
                blurhash: None,
                waveform: Vec::new(),
            },
            thumbnail: None,
            spoiler: file.filename.starts_with("SPOILER_"),
        }))
    }

    fn sticker_body(&self, sticker: &Sticker, known: Option<&String>, is_patient: bool) -> Result<Body, u64> {
        let (end, mime) = match sticker.format_type {
            // A drawing in a language of its own, which Matrix clients don't read.
            LOTTIE => return Ok(Body::Text(plain(&format!("[sticker: {}]", sticker.name)))),
            4 => ("gif", "image/gif"),
            _ => ("png", "image/png"),
        };
        let name = format!("{}.{end}", sticker.name);
        let url = format!("{}/stickers/{}.{end}", self.config.cdn_base, sticker.id);
        let uri = match known {
            Some(uri) => uri.clone(),
            None => match media::fetch(&download(url.clone()), &name, Some(mime), FILE_BYTES) {
                Ok(uri) => uri,
                Err(error) if is_patient && passes(&error) => return Err(PAUSE),
                Err(error) => return Ok(instead(&format!("Sticker {name}"), &url, &error.message)),
            },
        };
        let info = MediaInfo {
            mime: Some(mime.to_owned()),
            size: None,
            width: Some(160),
            height: Some(160),
            duration_ms: None,
            blurhash: None,
            waveform: Vec::new(),
        };
        let kind = MediaKind::Sticker;
        let file_name = sticker.name.clone();
        Ok(Body::Media(Media { kind, uri, file_name, caption: None, info, thumbnail: None, spoiler: false }))
    }
}

/// What stands where a file could not be had.
fn instead(described: &str, url: &str, why: &str) -> Body {
    let body = format!("{described} is on Discord only: {why}. {url}");
    Body::Text(Text { kind: TextKind::Notice, body, html: None })
}

fn plain(text: &str) -> Text {
    Text { kind: TextKind::Text, body: text.to_owned(), html: None }
}

fn html_of(text: &Text) -> String {
    text.html.clone().unwrap_or_else(|| escape(&text.body))
}

fn joined(first: Option<Text>, second: Text) -> Text {
    let Some(first) = first else { return second };
    Text {
        kind: first.kind,
        html: Some(format!("{}<br>{}", html_of(&first), html_of(&second))),
        body: format!("{}\n{}", first.body, second.body),
    }
}

fn forwarded(text: Text) -> Text {
    let quoted: Vec<String> = text.body.lines().map(|line| format!("> {line}")).collect();
    Text {
        kind: text.kind,
        html: Some(format!("<em>Forwarded:</em><blockquote>{}</blockquote>", html_of(&text))),
        body: format!("Forwarded:\n{}", quoted.join("\n")),
    }
}

/// As Markdown.
fn embed_text(embed: &Embed) -> Option<String> {
    let text = |part: &Option<String>| part.clone().filter(|text| !text.trim().is_empty());
    let mut lines = Vec::new();
    lines.extend(embed.author.as_ref().and_then(|author| text(&author.name)).map(|name| format!("**{name}**")));
    lines.extend(text(&embed.title).map(|title| match &embed.url {
        Some(url) => format!("**[{title}]({url})**"),
        None => format!("**{title}**"),
    }));
    lines.extend(text(&embed.description));
    lines.extend(embed.fields.iter().map(|field| format!("**{}**\n{}", field.name, field.value)));
    lines.extend(embed.image.as_ref().map(|image| image.url.clone()).filter(|url| !url.is_empty()));
    lines.extend(embed.footer.as_ref().and_then(|footer| text(&footer.text)).map(|text| format!("-# {text}")));
    if lines.is_empty() {
        lines.extend(embed.url.clone());
    }
    let lines: Vec<String> = lines.iter().flat_map(|line| line.lines()).map(|line| format!("> {line}")).collect();
    Some(lines.join("\n")).filter(|text| !text.is_empty())
}

fn poll_of(poll: &crate::api::Poll) -> Poll {
    let text = |part: &crate::api::PollText| {
        let emoji = part.emoji.as_ref().and_then(|emoji| emoji.name.clone());
        [emoji, part.text.clone()].into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    Poll {
        question: text(&poll.question),
        options: poll.answers.iter().map(|a| (a.answer_id.to_string(), text(&a.poll_media))).collect(),
        max_choices: if poll.allow_multiselect { poll.answers.len().max(1) as u32 } else { 1 },
        closed: false,
    }
}
