//! What a bot can do.

use causeway_sdk::capabilities::{FileCap, Level, NetworkFeatures, RoomFeatures};

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
        "unordered_list",
        "ordered_list",
    ];
    let partial = ["headers", "custom_emoji", "room_link"];
    let formatting = full.map(|name| (name, Level::Full)).into_iter().chain(partial.map(|name| (name, Level::Partial)));
    let kinds = ["m.image", "m.video", "m.audio", "m.file", "m.sticker", "org.matrix.msc3245.voice"];
    let file = |kind: &str| FileCap {
        kind: kind.to_owned(),
        mimes: vec!["*/*".to_owned()],
        max_bytes: 10 << 20,
        caption: if kind == "m.sticker" { Level::Dropped } else { Level::Full },
        max_duration_ms: None,
    };
    RoomFeatures {
        id: "io.causeway.discord.bot.1".to_owned(),
        max_text_length: Some(2000),
        formatting: formatting.map(|(name, level)| (name.to_owned(), level)).collect(),
        files: kinds.map(file).into(),
        reply: Level::Full,
        thread: Level::Full,
        edit: Level::Full,
        delete: Level::Full,
        reaction: Level::Full,
        poll: Level::Partial,
        location: Level::Partial,
        edit_max_age_ms: None,
        delete_max_age_ms: None,
        reactions_per_user: None,
        allowed_reactions: None,
        read_receipts: false,
        typing: true,
        room_name: Level::Dropped,
        room_topic: Level::Partial,
        room_avatar: Level::Dropped,
        invite: Level::Dropped,
        kick: Level::Dropped,
        ban: Level::Dropped,
        disappearing: false,
        per_message_profile_relay: false,
    }
}
