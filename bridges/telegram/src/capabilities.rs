//! What a bot can do.

use causeway_sdk::capabilities::{FileCap, Level, NetworkFeatures, RoomFeatures};

const HOURS: u64 = 3_600_000;

pub fn network() -> NetworkFeatures {
    NetworkFeatures::CREATE_DM | NetworkFeatures::RELAY | NetworkFeatures::MULTI_LOGIN | NetworkFeatures::CATCH_UP
}

pub fn room() -> RoomFeatures {
    let full = [
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "inline_code",
        "code_block",
        "code_block.syntax_highlighting",
        "blockquote",
        "inline_link",
        "user_link",
        "spoiler",
    ];
    let partial = ["unordered_list", "ordered_list", "headers", "custom_emoji"];
    let formatting = full.map(|name| (name, Level::Full)).into_iter().chain(partial.map(|name| (name, Level::Partial)));
    let file = |(kind, max_bytes): (&str, u64)| FileCap {
        kind: kind.to_owned(),
        mimes: vec!["*/*".to_owned()],
        max_bytes,
        caption: if kind == "m.sticker" { Level::Dropped } else { Level::Full },
        max_duration_ms: None,
    };
    let files = [
        ("m.image", 50 << 20),
        ("m.video", 50 << 20),
        ("m.audio", 50 << 20),
        ("m.file", 50 << 20),
        ("m.sticker", 512 << 10),
        ("org.matrix.msc3245.voice", 50 << 20),
    ];
    RoomFeatures {
        id: "io.causeway.telegram.bot.1".to_owned(),
        max_text_length: Some(4096),
        formatting: formatting.map(|(name, level)| (name.to_owned(), level)).collect(),
        files: files.map(file).into(),
        reply: Level::Full,
        thread: Level::Dropped,
        edit: Level::Full,
        delete: Level::Full,
        reaction: Level::Full,
        poll: Level::Partial,
        location: Level::Full,
        edit_max_age_ms: None,
        delete_max_age_ms: Some(48 * HOURS),
        reactions_per_user: Some(1),
        allowed_reactions: None,
        read_receipts: false,
        typing: true,
        room_name: Level::Partial,
        room_topic: Level::Partial,
        room_avatar: Level::Partial,
        invite: Level::Rejected,
        kick: Level::Full,
        ban: Level::Full,
        disappearing: false,
        per_message_profile_relay: false,
    }
}
