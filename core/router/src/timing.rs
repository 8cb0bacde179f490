//! How long the router waits for what, and how often it tries.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tests shorten these.
#[derive(Clone, Debug)]
pub struct Timing {
    /// before the second try of what a destination did not take; doubles with each further one
    pub back_off: Duration,
    pub back_off_limit: Duration,
    /// between two questions whether a destination that was gone is there again
    pub probe: Duration,
    /// how long a moved cursor waits for a commit to ride on
    pub cursor_linger: Duration,
    /// the same for a settled exception
    pub settle_linger: Duration,
    /// Failures alone after which an entry is a dead letter, if the destination takes other things meanwhile.
    pub tries: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            back_off: Duration::from_secs(1),
            back_off_limit: Duration::from_secs(60),
            probe: Duration::from_millis(500),
            cursor_linger: Duration::from_millis(100),
            settle_linger: Duration::from_millis(5),
            tries: 5,
        }
    }
}

impl Timing {
    /// The wait before try `tries + 1`, with up to a quarter of jitter so that destinations don't come back in step.
    pub(crate) fn delay(&self, tries: u32) -> Duration {
        let doubled = self.back_off.saturating_mul(1 << tries.saturating_sub(1).min(16));
        let delay = doubled.min(self.back_off_limit);
        delay.mul_f64(1.0 - rand::random::<f64>() / 4.0)
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
