//! Lines in the bridge's log, and its own counters. No tokens and no message bodies, at any level.

#[cfg(target_family = "wasm")]
use crate::bindings::causeway::bridge::log as host;
#[cfg(not(target_family = "wasm"))]
use crate::testing::log as host;

pub use crate::bindings::causeway::bridge::log::Level;

/// `message` is constant, values are in `fields`.
pub fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
    let fields: Vec<(String, String)> = fields.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    host::write(level, message, &fields);
}

pub fn error(message: &str, fields: &[(&str, &str)]) {
    write(Level::Error, message, fields);
}

pub fn warn(message: &str, fields: &[(&str, &str)]) {
    write(Level::Warn, message, fields);
}

pub fn info(message: &str, fields: &[(&str, &str)]) {
    write(Level::Info, message, fields);
}

pub fn debug(message: &str, fields: &[(&str, &str)]) {
    write(Level::Debug, message, fields);
}

/// Adds to a counter that the hub exports as `bridge_plugin_{name}`.
pub fn count(name: &str, by: u64) {
    host::count(name, by);
}

pub fn gauge(name: &str, value: f64) {
    host::gauge(name, value);
}
