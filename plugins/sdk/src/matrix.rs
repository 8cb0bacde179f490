//! The Matrix side, as far as a connector sees it: what happened remotely goes in, ids of what is known come out.

#[cfg(target_family = "wasm")]
use crate::bindings::causeway::bridge::matrix as host;
#[cfg(not(target_family = "wasm"))]
use crate::testing::matrix as host;
use crate::{ChatInfo, Error, GhostInfo, MessageRef, Outcome, PortalKey, RemoteEvent};

pub use crate::bindings::causeway::bridge::matrix::Applied;

/// Queued in order per portal.
pub fn submit(events: &[RemoteEvent]) -> Result<Vec<Applied>, Error> {
    host::submit(events)
}

/// Answers the ghost's Matrix id, which exists once the call has committed.
pub fn ensure_ghost(info: &GhostInfo) -> Result<String, Error> {
    host::ensure_ghost(info)
}

/// The room is made after the call; [`portal_of`] knows it later.
pub fn ensure_portal(key: &PortalKey, info: &ChatInfo, via: &str) -> Result<(), Error> {
    host::ensure_portal(key, info, via)
}

pub fn portal_of(key: &PortalKey) -> Option<String> {
    host::portal_of(key)
}

pub fn event_of(message: &MessageRef) -> Option<String> {
    host::event_of(message)
}

/// The plugin data (JSON) that was kept with the message.
pub fn message_metadata(message: &MessageRef) -> Option<String> {
    host::message_metadata(message)
}

/// Ends an event that was answered with `Outcome::Pending`.
pub fn settle(txn: &str, outcome: &Outcome) -> Result<(), Error> {
    host::settle(txn, outcome)
}

/// A notice to the owner of a login, in the management room.
pub fn notice(login: &str, text: &str) -> Result<(), Error> {
    host::notice(login, text)
}
