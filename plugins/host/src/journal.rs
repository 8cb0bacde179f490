//! What a bridge did, for its admin: the last lines of its log, the limits it ran into, its metrics.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use causeway_engine::connector::{BridgeId, StoreId};
use metrics::{counter, gauge, histogram};

use crate::limits::Limit;

/// Lines kept in memory for `bridge logs`.
const LINES: usize = 2_000;
const LINE_BYTES: usize = 4 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

pub struct Journal {
    bridge: BridgeId,
    bytes_per_second: u64,
    kept: Mutex<Kept>,
}

struct Kept {
    lines: VecDeque<String>,
    second: Instant,
    bytes: u64,
    flooded: bool,
}

impl Journal {
    pub fn new(bridge: BridgeId, bytes_per_second: u64) -> Self {
        let kept = Kept { lines: VecDeque::new(), second: Instant::now(), bytes: 0, flooded: false };
        Self { bridge, bytes_per_second, kept: Mutex::new(kept) }
    }

    /// A line of the guest's; beyond the bytes per second it is dropped, which is said once in each second.
    pub fn guest(&self, store: &StoreId, level: Level, message: &str, fields: &[(String, String)]) {
        let mut text = clip(message).to_owned();
        for (name, value) in fields.iter().take(16) {
            text.push_str(&format!(" {}={}", clip(name), clip(value)));
        }
        let size = text.len() as u64;
        counter!("causeway_plugin_log_bytes_total", "bridge" => self.bridge.0.clone()).increment(size);
        let mut kept = self.kept.lock().expect("no code panics while it holds the journal");
        if kept.second.elapsed() >= Duration::from_secs(1) {
            (kept.second, kept.bytes, kept.flooded) = (Instant::now(), 0, false);
        }
        kept.bytes += size;
        if kept.bytes > self.bytes_per_second {
            let first = !std::mem::replace(&mut kept.flooded, true);
            drop(kept);
            if first {
                self.limit(store, Limit::Log, "lines are dropped until the second is over");
            }
            return;
        }
        drop(kept);
        let (bridge, login) = (self.bridge.as_str(), login(store));
        match level {
            Level::Trace => tracing::trace!(bridge, login, text, "plugin log"),
            Level::Debug => tracing::debug!(bridge, login, text, "plugin log"),
            Level::Info => tracing::info!(bridge, login, text, "plugin log"),
            // What a guest calls an error is for the bridge's admin; to the hub it is one of its plugins complaining.
            Level::Warn | Level::Error => tracing::warn!(bridge, login, text, "plugin log"),
        }
        self.keep(store, &format!("{level:?}").to_lowercase(), &text);
    }

    /// A limit that a guest ran into.
    pub fn limit(&self, store: &StoreId, limit: Limit, detail: &str) {
        let (bridge, login, reason) = (self.bridge.as_str(), login(store), limit.reason());
        counter!("causeway_plugin_limits_total", "bridge" => self.bridge.0.clone(), "reason" => reason).increment(1);
        tracing::warn!(bridge, login, reason, detail, "plugin ran into a limit");
        self.keep(store, "limit", &format!("{reason}: {}", clip(detail)));
    }

    /// A fact of the Store's life.
    pub fn note(&self, store: &StoreId, text: &str) {
        tracing::info!(bridge = self.bridge.as_str(), login = login(store), text, "plugin");
        self.keep(store, "host", text);
    }

    pub fn call(&self, function: &'static str, outcome: &'static str, took: Duration) {
        let bridge = &self.bridge.0;
        counter!("causeway_plugin_calls_total", "bridge" => bridge.clone(), "outcome" => outcome).increment(1);
        histogram!("causeway_plugin_call_seconds", "bridge" => bridge.clone()).record(took.as_secs_f64());
        tracing::debug!(bridge = bridge.as_str(), function, outcome, ?took, "plugin call");
    }

    pub fn trapped(&self) {
        counter!("causeway_plugin_traps_total", "bridge" => self.bridge.0.clone()).increment(1);
    }

    pub fn started(&self) {
        counter!("causeway_plugin_restarts_total", "bridge" => self.bridge.0.clone()).increment(1);
    }

    /// Linear memory of all Stores of the bridge, as it grows and as they are dropped.
    pub fn memory(&self, change: f64) {
        gauge!("causeway_plugin_memory_bytes", "bridge" => self.bridge.0.clone()).increment(change);
    }

    pub fn connections(&self, change: f64) {
        gauge!("causeway_plugin_connections", "bridge" => self.bridge.0.clone()).increment(change);
    }

    pub fn bytes_out(&self, bytes: usize) {
        counter!("causeway_plugin_bytes_out_total", "bridge" => self.bridge.0.clone()).increment(bytes as u64);
    }

    /// The last lines, oldest first.
    pub fn last(&self, lines: usize) -> Vec<String> {
        let kept = self.kept.lock().expect("no code panics while it holds the journal");
        kept.lines.iter().skip(kept.lines.len().saturating_sub(lines)).cloned().collect()
    }

    fn keep(&self, store: &StoreId, level: &str, text: &str) {
        let login = login(store);
        let mut kept = self.kept.lock().expect("no code panics while it holds the journal");
        if kept.lines.len() == LINES {
            kept.lines.pop_front();
        }
        kept.lines.push_back(format!("{level} [{login}] {text}"));
    }
}

fn login(store: &StoreId) -> &str {
    store.login.as_ref().map_or("-", |login| login.as_str())
}

fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(LINE_BYTES)]
}
