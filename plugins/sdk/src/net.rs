//! Connections that the host owns. What is opened, sent and closed here happens when the call has committed.

use crate::Error;
#[cfg(target_family = "wasm")]
use crate::bindings::causeway::bridge::net as host;
#[cfg(not(target_family = "wasm"))]
use crate::testing::net as host;

pub use crate::bindings::causeway::bridge::net::{
    Closed, Conn, Event, Frame, Framing, HttpStream, Target, Tcp, Tls, Websocket,
};

/// The outcome comes as `Event::Opened` or `Event::Closed`, with this `tag`.
///
/// # Errors
/// `forbidden` outside the grant, `quota` with too many connections open, `unsupported` for a kind the host lacks.
pub fn open(tag: &str, target: &Target) -> Result<Conn, Error> {
    host::open(tag, target)
}

/// Answers the number of the last of these frames on this connection, counted from 1 (see [`Closed`]).
///
/// # Errors
/// `quota` when the buffer is full: wait for `Event::Writable`; `not-found` for a connection that is gone.
pub fn send(conn: Conn, frames: &[Frame]) -> Result<u64, Error> {
    host::send(conn, frames)
}

/// # Errors
/// `not-found` for a connection that is gone, `bad-request` for one that has TLS already.
pub fn upgrade_tls(conn: Conn, tls: &Tls) -> Result<(), Error> {
    host::upgrade_tls(conn, tls)
}

/// Frames sent before are written first.
pub fn close(conn: Conn, code: u16, reason: &str) {
    host::close(conn, code, reason);
}

/// The host reads `frames` more frames and then waits for the next budget.
pub fn set_credit(conn: Conn, frames: u32) {
    host::set_credit(conn, frames);
}
