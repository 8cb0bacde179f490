//! What the network, and this server of it, can do.

use causeway_sdk::capabilities::{FileCap, Level, NetworkFeatures, RoomFeatures};

use crate::client::Session;

pub fn network() -> NetworkFeatures {
    NetworkFeatures::CREATE_DM | NetworkFeatures::RELAY | NetworkFeatures::MULTI_LOGIN
}

/// What a room can do on a server of which nothing is known yet: what RFC 2812 has.
pub fn without_session() -> RoomFeatures {
    room(false, false, false)
}

impl Session {
    pub fn room_features(&self) -> RoomFeatures {
        room(self.passes_tag("draft/react"), self.link.caps.has("draft/message-redaction"), self.passes_tag("typing"))
    }
}

fn room(can_react: bool, can_redact: bool, can_type: bool) -> RoomFeatures {
    let full_if = |can| if can { Level::Full } else { Level::Rejected };
    let formatting = [
        ("bold", Level::Full),
        ("italic", Level::Full),
        ("underline", Level::Full),
        ("strikethrough", Level::Full),
        ("inline_code", Level::Full),
        ("code_block", Level::Partial),
        ("blockquote", Level::Partial),
        ("unordered_list", Level::Partial),
        ("ordered_list", Level::Partial),
        ("text_foreground_color", Level::Partial),
        ("text_background_color", Level::Partial),
        ("inline_link", Level::Partial),
        ("headers", Level::Partial),
        ("spoiler", Level::Partial),
        ("user_link", Level::Partial),
    ];
    let file = |kind: &str| FileCap {
        kind: kind.to_owned(),
        mimes: vec!["*/*".to_owned()],
        max_bytes: 0,
        caption: Level::Partial,
        max_duration_ms: None,
    };
    RoomFeatures {
        id: format!("io.causeway.irc.1.react={can_react}.redact={can_redact}.type={can_type}"),
        max_text_length: None,
        formatting: formatting.into_iter().map(|(name, level)| (name.to_owned(), level)).collect(),
        files: ["m.image", "m.video", "m.audio", "m.file", "m.sticker", "org.matrix.msc3245.voice"].map(file).into(),
        reply: Level::Partial,
        thread: Level::Dropped,
        edit: Level::Partial,
        delete: full_if(can_redact),
        reaction: full_if(can_react),
        poll: Level::Partial,
        location: Level::Partial,
        edit_max_age_ms: None,
        delete_max_age_ms: None,
        reactions_per_user: None,
        allowed_reactions: None,
        read_receipts: false,
        typing: can_type,
        room_name: Level::Rejected,
        room_topic: Level::Full,
        room_avatar: Level::Rejected,
        invite: Level::Full,
        kick: Level::Full,
        ban: Level::Full,
        disappearing: false,
        per_message_profile_relay: false,
    }
}
