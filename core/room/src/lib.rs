//! The room kernel: room versions 1 to 12 as pure functions.
//!
//! Event format, ids, hashes and signatures ([`pdu`], [`build`](mod@build), [`key`], [`redact`]), authorization
//! ([`auth`], [`power`]), state resolution ([`resolve`]) and state tries ([`trie`], [`state`]). No I/O, no clock, no
//! randomness: whatever a function needs from outside is an argument.

pub mod auth;
pub mod build;
pub mod client_event;
pub mod key;
pub mod limits;
pub mod membership;
pub mod pdu;
pub mod power;
pub mod redact;
pub mod resolve;
pub mod state;
pub mod stripped;
pub mod trie;
pub mod verify;
pub mod version;

pub use auth::{AuthError, authorize, check_auth_events};
pub use build::{BuildError, Draft, Head, auth_keys, build};
pub use client_event::ClientEvent;
pub use key::SigningKey;
pub use pdu::{Pdu, PduError};
pub use power::PowerLevels;
pub use ruma::room_version_rules::RoomVersionRules;
pub use state::State;
