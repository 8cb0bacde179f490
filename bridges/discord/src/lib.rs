//! The Discord bridge: a login is a bot. It hears of everything over the gateway's one WebSocket, and the number of what it
//! heard last is on disk with what that told; what Matrix users do goes out over the REST API, one call at a time for each
//! channel.

mod api;
mod call;
mod capabilities;
mod catch_up;
mod chats;
mod client;
mod config;
mod connector;
mod doubt;
mod format;
mod gateway;
mod guilds;
mod handlediscord;
mod handlematrix;
mod id;
mod limits;
mod login;
mod outbox;
mod parts;
mod people;
mod reactions;
mod refusal;
mod speech;
mod typing;
mod webhooks;

pub use connector::Discord;

/// What parses the bytes of strangers, for the fuzz targets.
#[cfg(fuzzing)]
pub mod fuzz {
    pub use crate::format::{from_html, split, to_html};
}

causeway_sdk::export!(Discord);
