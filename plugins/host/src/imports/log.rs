use metrics::{counter, gauge};

use super::wit::log::{Host, Level};
use crate::guest::Guest;
use crate::journal;

impl Host for Guest {
    async fn write(&mut self, level: Level, message: String, fields: Vec<(String, String)>) -> wasmtime::Result<()> {
        let level = match level {
            Level::Trace => journal::Level::Trace,
            Level::Debug => journal::Level::Debug,
            Level::Info => journal::Level::Info,
            Level::Warn => journal::Level::Warn,
            Level::Error => journal::Level::Error,
        };
        self.bridge.journal.guest(&self.id, level, &message, &fields);
        Ok(())
    }

    async fn count(&mut self, name: String, by: u64) -> wasmtime::Result<()> {
        if is_metric(&name) {
            counter!(format!("bridge_plugin_{name}"), "bridge" => self.id.bridge.0.clone()).increment(by);
        }
        Ok(())
    }

    async fn gauge(&mut self, name: String, value: f64) -> wasmtime::Result<()> {
        if is_metric(&name) {
            gauge!(format!("bridge_plugin_{name}"), "bridge" => self.id.bridge.0.clone()).set(value);
        }
        Ok(())
    }
}

/// The recorder keeps each name for ever, so names are short and of one alphabet.
fn is_metric(name: &str) -> bool {
    !name.is_empty() && name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
