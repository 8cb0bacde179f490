//! Rows of this login that survive everything but its logout. Reads see the writes of the same call.

#[cfg(target_family = "wasm")]
use crate::bindings::causeway::bridge::kv as host;
#[cfg(not(target_family = "wasm"))]
use crate::testing::kv as host;
use crate::{Error, ErrorKind};

pub fn get(key: &str) -> Option<Vec<u8>> {
    host::get(key)
}

/// # Errors
/// `too-large` for a value over 256 KiB, `quota` when the login's rows are over what the bridge was granted.
pub fn set(key: &str, value: &[u8]) -> Result<(), Error> {
    host::set(key, value)
}

pub fn delete(key: &str) {
    host::delete(key);
}

/// Rows whose key begins with `prefix` and comes after `after`, in order of the key.
pub fn scan(prefix: &str, after: Option<&str>, limit: u32) -> Vec<(String, Vec<u8>)> {
    host::scan(prefix, after, limit)
}

/// The row as the JSON that [`set_json`] wrote; `None` where there is no row or it is of another shape.
pub fn get_json<T: serde::de::DeserializeOwned>(key: &str) -> Option<T> {
    serde_json::from_slice(&get(key)?).ok()
}

/// # Errors
/// As [`set`]; `internal` where the value can't be written as JSON.
pub fn set_json<T: serde::Serialize>(key: &str, value: &T) -> Result<(), Error> {
    let bytes = serde_json::to_vec(value).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
    set(key, &bytes)
}
