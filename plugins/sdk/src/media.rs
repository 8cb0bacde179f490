//! Files between the network and Matrix's media repository, without holding them whole.

use crate::Error;
#[cfg(target_family = "wasm")]
use crate::bindings::causeway::bridge::media as host;
use crate::http::{Request, Response};
#[cfg(not(target_family = "wasm"))]
use crate::testing::media as host;

/// A stored file, read in pieces.
pub use host::Blob;
/// A file being written, in pieces; `Writer::finish` answers its `mxc://` URI.
pub use host::Writer;

pub fn open(uri: &str) -> Result<Blob, Error> {
    host::open(uri)
}

/// The host downloads at most `max` bytes and stores them.
pub fn fetch(request: &Request, file_name: &str, mime: Option<&str>, max: u64) -> Result<String, Error> {
    host::fetch(request, file_name, mime, max)
}

/// The host downloads at most `max` bytes for the plugin to read, as for an encrypted attachment.
pub fn download(request: &Request, max: u64) -> Result<Blob, Error> {
    host::download(request, max)
}

/// The host sends the stored file as the body of the request.
pub fn send_to(uri: &str, request: &Request) -> Result<Response, Error> {
    host::send_to(uri, request)
}
