//! Files as messages carry them.

use serde_json::{Value, json};

use super::error::ApiError;
use super::params::Params;
use super::state::State;
use crate::form::Upload;

/// What `getFile` gives out at most.
pub const DOWNLOAD_BYTES: u64 = 20 << 20;
/// What a bot may upload at most, and as a photo.
const UPLOAD_BYTES: u64 = 50 << 20;
const PHOTO_BYTES: u64 = 10 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Photo,
    Document,
    Video,
    Voice,
    Audio,
    Sticker,
    Animation,
    VideoNote,
}

impl Kind {
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "photo" => Self::Photo,
            "document" => Self::Document,
            "video" => Self::Video,
            "voice" => Self::Voice,
            "audio" => Self::Audio,
            "sticker" => Self::Sticker,
            "animation" => Self::Animation,
            "video_note" | "videonote" => Self::VideoNote,
            _ => return None,
        })
    }

    /// Of the parameter, and of the message's field.
    pub fn key(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Document => "document",
            Self::Video => "video",
            Self::Voice => "voice",
            Self::Audio => "audio",
            Self::Sticker => "sticker",
            Self::Animation => "animation",
            Self::VideoNote => "video_note",
        }
    }
}

/// The file that a parameter names: one that came with the request (under its own name, or as `attach://name`), or one
/// that is known by its `file_id`. `about` has width, height, duration and the like.
pub fn received(
    state: &mut State,
    params: &Params,
    kind: Kind,
    parameter: &str,
    about: &Params,
) -> Result<(&'static str, Value), ApiError> {
    let named = about.text(parameter).unwrap_or_default();
    let upload = match named.strip_prefix("attach://") {
        Some(name) => Some(params.files.get(name).ok_or_else(|| ApiError::bad("attached file not found"))?),
        None => params.files.get(parameter),
    };
    let Some(upload) = upload.cloned() else {
        let file = state.files.get(&named).ok_or_else(|| {
            ApiError::bad(if named.starts_with("http") {
                "failed to get HTTP URL content"
            } else {
                "wrong remote file identifier specified"
            })
        })?;
        let size = file.size;
        let base = json!({"file_id": named, "file_unique_id": named.replace("file-", "unique-"), "file_size": size});
        return Ok((kind.key(), described(kind, base, about, None)));
    };
    let size = upload.data.len() as u64;
    if size > UPLOAD_BYTES {
        return Err(ApiError::new(413, "Request Entity Too Large"));
    }
    if kind == Kind::Photo && size > PHOTO_BYTES {
        return Err(ApiError::bad("file is too big for a photo"));
    }
    if size == 0 {
        return Err(ApiError::bad("file must be non-empty"));
    }
    let base = state.keep_file(&upload.file_name, upload.data.clone());
    Ok((kind.key(), described(kind, base, about, Some(&upload))))
}

/// A file's object in a message.
fn described(kind: Kind, mut base: Value, about: &Params, upload: Option<&Upload>) -> Value {
    let number = |key: &str| about.int(key).unwrap_or(0);
    let has_name = matches!(kind, Kind::Document | Kind::Video | Kind::Audio | Kind::Animation);
    if let (Some(upload), true) = (upload, has_name) {
        base["file_name"] = upload.file_name.clone().into();
    }
    if let (Some(upload), false) = (upload, matches!(kind, Kind::Photo | Kind::Sticker | Kind::VideoNote)) {
        base["mime_type"] = upload.mime.clone().into();
    }
    match kind {
        Kind::Photo => {
            let mut small = base.clone();
            (small["width"], small["height"]) = (90.into(), 60.into());
            (base["width"], base["height"]) = (1200.into(), 800.into());
            return json!([small, base]);
        }
        Kind::Video | Kind::Animation => {
            for key in ["width", "height", "duration"] {
                base[key] = number(key).into();
            }
        }
        Kind::Voice | Kind::Audio => {
            base["duration"] = number("duration").into();
            for key in ["title", "performer"] {
                if let Some(text) = about.text(key) {
                    base[key] = text.into();
                }
            }
        }
        Kind::VideoNote => {
            (base["length"], base["duration"]) = (240.into(), number("duration").into());
        }
        Kind::Sticker => {
            for (key, value) in [("type", json!("regular")), ("width", json!(512)), ("height", json!(512))] {
                base[key] = value;
            }
            let ends_in = |end: &str| upload.is_some_and(|upload| upload.file_name.ends_with(end));
            base["is_animated"] = ends_in(".tgs").into();
            base["is_video"] = ends_in(".webm").into();
        }
        Kind::Document => {}
    }
    base
}
