//! What the host gives to a guest: one file per interface of the world.

mod http;
mod kv;
mod log;
mod matrix;
mod media;
mod net;
mod state;
mod timers;

use causeway_bindings::v0_1::causeway::bridge as wit;
use wit::ids::{Error, ErrorKind};

use crate::guest::Guest;

// Interfaces that hold types only.
impl wit::ids::Host for Guest {}
impl wit::content::Host for Guest {}
impl wit::capabilities::Host for Guest {}
impl wit::login_types::Host for Guest {}
impl wit::remote::Host for Guest {}
impl wit::matrix_in::Host for Guest {}

/// Longest id, of whatever kind, that a guest may name.
const ID_BYTES: usize = 512;

fn error(kind: ErrorKind, message: impl Into<String>) -> Error {
    Error { kind, message: message.into(), retry_after_ms: None }
}

/// Whether an id can be stored and shown: not empty, not endless, no control characters.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.len() <= ID_BYTES && !id.chars().any(char::is_control)
}
