//! Message content, neutral between Matrix and the remote networks: the twin of the WIT interface `content`.

use serde::{Deserialize, Serialize};

use super::ids::{GhostId, MessageRef};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextKind {
    Text,
    Notice,
    Emote,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaKind {
    Image,
    Video,
    Audio,
    Voice,
    File,
    Sticker,
    Gif,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Text {
    pub kind: TextKind,
    pub body: String,
    /// Matrix HTML (the spec's `org.matrix.custom.html` subset)
    pub html: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MediaInfo {
    pub mime: Option<String>,
    pub size: Option<u64>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub duration_ms: Option<u64>,
    pub blurhash: Option<String>,
    pub waveform: Vec<u16>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Media {
    pub kind: MediaKind,
    /// `mxc://` URI
    pub uri: String,
    pub file_name: String,
    pub caption: Option<Text>,
    pub info: MediaInfo,
    pub thumbnail: Option<String>,
    pub spoiler: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Location {
    pub latitude: f64,
    pub longitude: f64,
    pub description: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    pub name: String,
    pub vcard: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Poll {
    pub question: String,
    pub options: Vec<(String, String)>,
    pub max_choices: u32,
    pub closed: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Body {
    Text(Text),
    Media(Media),
    Location(Location),
    Contact(Contact),
    Poll(Poll),
    /// An event type that the grant names, and its content as JSON.
    Raw(String, String),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mentions {
    pub ghosts: Vec<GhostId>,
    pub users: Vec<String>,
    pub room: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// empty for a message of one part
    pub id: String,
    pub body: Body,
    pub mentions: Mentions,
    /// JSON object merged into the event content; keys with `m.` are refused
    pub extra: Option<String>,
    /// plugin data (JSON) kept with the message row, handed back on edit, reaction, redaction
    pub metadata: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub parts: Vec<Part>,
    pub reply_to: Option<MessageRef>,
    pub thread_root: Option<String>,
    /// 0: the message stays
    pub disappear_after_ms: u64,
}
