//! Files from Telegram.

use causeway_sdk::content::{Body, Media, MediaInfo, MediaKind, Text, TextKind};
use causeway_sdk::http::{Payload, Request};
use causeway_sdk::{Error, ErrorKind, media};
use serde_json::json;

use crate::api::{File, Message};
use crate::call::{ApiError, Failure};
use crate::client::Session;
use crate::login;

/// What Telegram gives out to bots at most.
pub const DOWNLOAD_BYTES: u64 = 20 << 20;
/// How long a download may take, in milliseconds.
const TIMEOUT: u32 = 30_000;

/// A file of a message, and what it is to Matrix.
pub struct Found<'a> {
    pub file: &'a File,
    pub kind: MediaKind,
    pub name: String,
    pub mime: String,
}

/// The file that a message carries.
pub fn file_of(message: &Message) -> Option<Found<'_>> {
    let found = |file: &'_ File, kind, name: &str, mime: &str| {
        let name = file.file_name.clone().unwrap_or_else(|| name.to_owned());
        let mime = file.mime_type.clone().unwrap_or_else(|| mime.to_owned());
        (kind, name, mime)
    };
    let whole = |file, (kind, name, mime)| Some(Found { file, kind, name, mime });
    if let Some(file) = message.photo.last() {
        return whole(file, found(file, MediaKind::Image, "photo.jpg", "image/jpeg"));
    }
    // An animation comes as a document too.
    if let Some(file) = &message.animation {
        return whole(file, found(file, MediaKind::Video, "animation.mp4", "video/mp4"));
    }
    if let Some(file) = &message.document {
        return whole(file, found(file, MediaKind::File, "file", "application/octet-stream"));
    }
    if let Some(file) = message.video.as_ref().or(message.video_note.as_ref()) {
        return whole(file, found(file, MediaKind::Video, "video.mp4", "video/mp4"));
    }
    if let Some(file) = &message.voice {
        return whole(file, found(file, MediaKind::Voice, "voice.ogg", "audio/ogg"));
    }
    if let Some(file) = &message.audio {
        let title = file.title.as_ref().map(|title| match &file.performer {
            Some(performer) => format!("{performer} - {title}.mp3"),
            None => format!("{title}.mp3"),
        });
        return whole(file, found(file, MediaKind::Audio, title.as_deref().unwrap_or("audio.mp3"), "audio/mpeg"));
    }
    let file = message.sticker.as_ref()?;
    let (end, mime) = match (file.is_animated, file.is_video) {
        // Lottie in gzip; few clients show it, but all can keep it.
        (true, _) => ("tgs", "application/x-tgsticker"),
        (_, true) => ("webm", "video/webm"),
        _ => ("webp", "image/webp"),
    };
    let name = format!("{}.{end}", file.emoji.as_deref().unwrap_or("sticker"));
    Some(Found { file, kind: MediaKind::Sticker, name, mime: mime.to_owned() })
}

impl Session {
    /// Brings a file here; its `mxc://` URI.
    pub fn fetch(&self, file: &File, name: &str, mime: Option<&str>) -> Result<String, Failure> {
        let file: File = self.send("getFile", json!({"file_id": file.file_id}))?;
        let path = file
            .file_path
            .ok_or_else(|| Failure::Host(Error::new(ErrorKind::NotFound, "Telegram has the file no more")))?;
        let request = Request {
            method: "GET".to_owned(),
            url: format!("{}/file/bot{}/{path}", self.config.api_base, login::token()),
            headers: Vec::new(),
            payload: Payload::Empty,
            timeout_ms: TIMEOUT,
            max_response: DOWNLOAD_BYTES,
        };
        media::fetch(&request, name, mime, DOWNLOAD_BYTES).map_err(Failure::Host)
    }

    /// A message's file as a body. What can't be had becomes a readable line, never silence.
    ///
    /// # Errors
    /// What may be otherwise later.
    pub fn media_body(&self, found: &Found<'_>, caption: Option<Text>, spoiler: bool) -> Result<Body, Failure> {
        let file = found.file;
        if file.file_size.is_some_and(|size| size > DOWNLOAD_BYTES) {
            let why = "Telegram gives files of more than 20 MB to no bot";
            return Ok(instead(found, caption, why));
        }
        let uri = match self.fetch(file, &found.name, Some(&found.mime)) {
            Ok(uri) => uri,
            Err(failure) if failure.passes_in().is_some() => return Err(failure),
            Err(Failure::Api(ApiError { description, .. })) => return Ok(instead(found, caption, &description)),
            Err(Failure::Host(error)) => return Ok(instead(found, caption, &error.message)),
        };
        let (width, height) = (file.width.or(file.length), file.height.or(file.length));
        Ok(Body::Media(Media {
            kind: found.kind,
            uri,
            file_name: found.name.clone(),
            caption,
            info: MediaInfo {
                mime: Some(found.mime.clone()),
                size: file.file_size,
                width,
                height,
                duration_ms: file.duration.map(|seconds| seconds * 1000),
                blurhash: None,
                waveform: Vec::new(),
            },
            thumbnail: None,
            spoiler,
        }))
    }
}

/// What stands where a file could not be had.
pub fn instead(found: &Found<'_>, caption: Option<Text>, why: &str) -> Body {
    let size = found.file.file_size.map(|size| format!(", {:.1} MB", size as f64 / 1e6)).unwrap_or_default();
    let mut body = format!("{} ({}{size}) is on Telegram only: {why}", found.name, found.mime);
    if let Some(caption) = caption {
        body = format!("{}\n{body}", caption.body);
    }
    Body::Text(Text { kind: TextKind::Notice, body, html: None })
}
