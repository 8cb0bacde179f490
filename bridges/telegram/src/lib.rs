//! The Telegram bridge, by the Bot API: a login is a bot. Its updates are asked for by long polling, one request at a time,
//! and confirmed only after what they told is on disk; what Matrix users do goes out as calls, one at a time for each chat.

mod api;
mod call;
mod capabilities;
mod chats;
mod client;
mod config;
mod connector;
mod format;
mod handlematrix;
mod handletelegram;
mod id;
mod login;
mod media;
mod outbox;
mod people;
mod refresh;
mod typing;
mod upload;

pub use connector::Telegram;

/// What parses the bytes of strangers, for the fuzz targets.
#[cfg(fuzzing)]
pub mod fuzz {
    pub use crate::format::{from_html, split, to_html};
}

causeway_sdk::export!(Telegram);
