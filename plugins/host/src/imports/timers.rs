use std::time::Duration;

use super::is_plain;
use super::wit::timers::Host;
use crate::delivery::Timer;
use crate::guest::Guest;
use crate::limits::Limit;

impl Host for Guest {
    async fn set(&mut self, name: String, after_ms: u64, durable: bool) -> wasmtime::Result<()> {
        if !is_plain(&name) {
            return self.end(Limit::Timers, "a timer's name is 1 to 512 bytes without control characters");
        }
        if self.timers + self.delivery.timers.len() >= self.bridge.ceilings.timers {
            return self.end(Limit::Timers, "too many timers");
        }
        // A century is as good as never, and can be added to any clock.
        let after = Duration::from_millis(after_ms).min(Duration::from_secs(100 * 365 * 86_400));
        self.delivery.timers.insert(name, Some(Timer { after, durable }));
        Ok(())
    }

    async fn cancel(&mut self, name: String) -> wasmtime::Result<()> {
        self.delivery.timers.insert(name, None);
        Ok(())
    }
}
