//! As [`kv`](crate::kv), but encrypted at rest and left out of dumps: session keys, tokens, cookies, passwords.

use crate::Error;
#[cfg(target_family = "wasm")]
use crate::bindings::causeway::bridge::kv as host;
#[cfg(not(target_family = "wasm"))]
use crate::testing::kv as host;

pub fn get(key: &str) -> Option<Vec<u8>> {
    host::secret_get(key)
}

/// # Errors
/// As [`kv::set`](crate::kv::set).
pub fn set(key: &str, value: &[u8]) -> Result<(), Error> {
    host::secret_set(key, value)
}

pub fn delete(key: &str) {
    host::secret_delete(key);
}

/// As [`kv::scan`](crate::kv::scan).
pub fn scan(prefix: &str, after: Option<&str>, limit: u32) -> Vec<(String, Vec<u8>)> {
    host::secret_scan(prefix, after, limit)
}
