//! Files to Telegram: which method takes which kind.

use causeway_sdk::content::{Media, MediaKind};
use causeway_sdk::{Error, ErrorKind, media};
use serde_json::{Map, Value};

use crate::call::{Attachment, Call};

/// What Telegram takes from a bot at most, and as a photo.
const UPLOAD_BYTES: u64 = 50 << 20;
const PHOTO_BYTES: u64 = 10 << 20;

struct Way {
    method: &'static str,
    field: &'static str,
    /// as `editMessageMedia` calls it
    kind: &'static str,
}

const PHOTO: Way = Way { method: "sendPhoto", field: "photo", kind: "photo" };
const DOCUMENT: Way = Way { method: "sendDocument", field: "document", kind: "document" };
const VIDEO: Way = Way { method: "sendVideo", field: "video", kind: "video" };
const ANIMATION: Way = Way { method: "sendAnimation", field: "animation", kind: "animation" };
const AUDIO: Way = Way { method: "sendAudio", field: "audio", kind: "audio" };
const VOICE: Way = Way { method: "sendVoice", field: "voice", kind: "voice" };
const STICKER: Way = Way { method: "sendSticker", field: "sticker", kind: "sticker" };

/// What Telegram shows as more than a file; everything else goes as one.
fn way(kind: MediaKind, mime: &str, size: u64) -> Way {
    match (kind, mime) {
        (MediaKind::Sticker, "image/webp" | "application/x-tgsticker" | "video/webm") => STICKER,
        (MediaKind::Image | MediaKind::Gif | MediaKind::Sticker, "image/gif") | (MediaKind::Gif, "video/mp4") => {
            ANIMATION
        }
        (MediaKind::Image | MediaKind::Sticker, "image/jpeg" | "image/png" | "image/webp") if size <= PHOTO_BYTES => {
            PHOTO
        }
        (MediaKind::Video, "video/mp4" | "video/quicktime") => VIDEO,
        (MediaKind::Voice, "audio/ogg" | "audio/ogg; codecs=opus" | "application/ogg") => VOICE,
        (
            MediaKind::Audio | MediaKind::Voice,
            "audio/mpeg" | "audio/mp4" | "audio/m4a" | "audio/x-m4a" | "audio/aac",
        ) => AUDIO,
        _ => DOCUMENT,
    }
}

/// A file as a call, without a caption; and whether it can have one.
pub fn upload(media: &Media, parameters: Map<String, Value>) -> Result<(Call, bool), Error> {
    let (way, file, described) = prepared(media)?;
    let mut parameters = parameters;
    parameters.extend(described);
    let call =
        Call { method: way.method.to_owned(), parameters, file: Some(Attachment { field: way.field.into(), ..file }) };
    Ok((call, way.method != STICKER.method))
}

/// A file in place of another one, as `editMessageMedia` takes it: the `media` parameter, and what goes along.
pub fn replacement(media: &Media) -> Result<(Map<String, Value>, Attachment), Error> {
    let (way, file, mut described) = prepared(media)?;
    if ["voice", "sticker"].contains(&way.kind) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "on Telegram a file can't be replaced by a sticker or a voice message",
        ));
    }
    described.insert("type".into(), way.kind.into());
    described.insert("media".into(), "attach://file".into());
    Ok((described, Attachment { field: "file".into(), ..file }))
}

fn prepared(media: &Media) -> Result<(Way, Attachment, Map<String, Value>), Error> {
    let size = match media.info.size {
        Some(size) => size,
        None => media::open(&media.uri)?.size(),
    };
    if size > UPLOAD_BYTES {
        let text =
            format!("Telegram takes files of at most 50 MB from a bot; this one has {:.0} MB", size as f64 / 1e6);
        return Err(Error::new(ErrorKind::TooLarge, text));
    }
    let mime = media.info.mime.as_deref().unwrap_or("application/octet-stream");
    let way = way(media.kind, mime, size);
    let mut described = Map::new();
    if media.spoiler && ["photo", "video", "animation"].contains(&way.kind) {
        described.insert("has_spoiler".into(), true.into());
    }
    let seconds = media.info.duration_ms.map(|ms| ms.div_ceil(1000));
    if let Some(seconds) = seconds.filter(|_| ["video", "animation", "audio", "voice"].contains(&way.kind)) {
        described.insert("duration".into(), seconds.into());
    }
    if ["video", "animation"].contains(&way.kind) {
        for (key, value) in [("width", media.info.width), ("height", media.info.height)] {
            if let Some(value) = value {
                described.insert(key.into(), value.into());
            }
        }
    }
    let name = match media.file_name.trim() {
        "" => format!("{}.{}", way.kind, extension(mime)),
        // Telegram tells stickers by their ends.
        name if way.kind == "sticker" && !name.contains('.') => format!("{name}.{}", extension(mime)),
        name => name.to_owned(),
    };
    let file = Attachment { field: String::new(), uri: media.uri.clone(), name, mime: mime.to_owned() };
    Ok((way, file, described))
}

fn extension(mime: &str) -> &str {
    match mime {
        "image/jpeg" => "jpg",
        "application/x-tgsticker" => "tgs",
        "audio/mpeg" => "mp3",
        mime => mime.rsplit('/').next().filter(|end| end.chars().all(|c| c.is_ascii_alphanumeric())).unwrap_or("bin"),
    }
}
