//! The IRC bridge. One Matrix user's login is one connection to the network (IRCv3 where the server has it), run by
//! one [`Session`](client::Session): lines and Matrix events in, lines and Matrix events out, no I/O of its own.

mod capabilities;
mod caps;
mod casemap;
mod chatinfo;
mod client;
mod config;
mod connector;
mod flood;
mod format;
mod handleirc;
mod handlematrix;
mod id;
mod isupport;
mod login;
mod message;
mod modes;
mod netsplit;
mod outbox;
mod sasl;
mod split;
mod time;

pub use connector::Irc;

/// What parses the bytes of strangers, for the fuzz targets.
#[cfg(fuzzing)]
pub mod fuzz {
    pub use crate::format::{from_html, plain, to_html};
    pub use crate::message::Message;
    pub use crate::split::split;
}

causeway_sdk::export!(Irc);
