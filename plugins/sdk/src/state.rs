//! How the bridge and its logins are, for their users and the admin.

use crate::Error;
#[cfg(target_family = "wasm")]
use crate::bindings::causeway::bridge::state as host;
use crate::login::Step;
#[cfg(not(target_family = "wasm"))]
use crate::testing::state as host;

pub use crate::bindings::causeway::bridge::state::{Report, Status, UserAction};

/// The state of one login, or of the whole bridge.
pub fn set(login: Option<&str>, report: &Report) {
    host::set(login, report);
}

/// Moves a login process on from outside its own calls: a QR code was scanned, or has expired.
pub fn login_advance(process: &str, next: Result<&Step, &Error>) {
    host::login_advance(process, next);
}
