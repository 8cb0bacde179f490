//! Named alarms, answered by [`Connector::on_timer`](crate::Connector::on_timer).

use std::time::Duration;

#[cfg(target_family = "wasm")]
use crate::bindings::causeway::bridge::timers as host;
#[cfg(not(target_family = "wasm"))]
use crate::testing::timers as host;

/// Replaces the timer of that name. It survives a restart of the Store, not of the hub.
pub fn set(name: &str, after: Duration) {
    host::set(name, millis(after), false);
}

/// As [`set`], and it survives a restart of the hub.
pub fn set_durable(name: &str, after: Duration) {
    host::set(name, millis(after), true);
}

pub fn cancel(name: &str) {
    host::cancel(name);
}

fn millis(after: Duration) -> u64 {
    u64::try_from(after.as_millis()).unwrap_or(u64::MAX)
}
