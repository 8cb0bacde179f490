//! One HTTP exchange at a time, within the grant.

use crate::Error;
#[cfg(target_family = "wasm")]
use crate::bindings::causeway::bridge::http as host;
#[cfg(not(target_family = "wasm"))]
use crate::testing::http as host;

pub use crate::bindings::causeway::bridge::http::{
    FormContent, FormField, FormFile, Headers, Payload, Request, Response,
};

/// Waits for the answer; for short exchanges.
///
/// # Errors
/// `forbidden` outside the grant, `too-large` past `max_response`, `timeout`, `network`. One with `retry_after_ms` says
/// that the request never left.
pub fn send(request: &Request) -> Result<Response, Error> {
    host::send(request)
}

/// Returns at once; the answer comes to [`Connector::on_http`](crate::Connector::on_http).
///
/// # Errors
/// `forbidden` outside the grant, `quota` with too many under way.
pub fn start(token: &str, request: &Request) -> Result<(), Error> {
    host::start(token, request)
}
