//! How long to wait after a failure, and when a delivery is given up.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::limits::{Ceilings, Limit};

/// A delivery that is made again when it failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Event(String),
    Net(u64),
    Timer(String),
    Http(String),
}

pub struct Failures {
    backoff: Duration,
    backoff_max: Duration,
    health: Duration,
    attempts: u32,
    next: Duration,
    not_before: Instant,
    last: Option<(Instant, Limit)>,
    /// deliveries that passed so far
    passed: u64,
    /// how often each failed alone, and how many had passed when it first did
    counted: HashMap<Key, (u32, u64)>,
}

impl Failures {
    pub fn new(ceilings: &Ceilings) -> Self {
        Self {
            backoff: ceilings.backoff,
            backoff_max: ceilings.backoff_max,
            health: ceilings.health,
            attempts: ceilings.attempts,
            next: ceilings.backoff,
            not_before: Instant::now(),
            last: None,
            passed: 0,
            counted: HashMap::new(),
        }
    }

    pub fn may_run(&self) -> bool {
        Instant::now() >= self.not_before
    }

    pub fn not_before(&self) -> Instant {
        self.not_before
    }

    /// What the Store backs off for.
    pub fn last(&self) -> Limit {
        self.last.map_or(Limit::Trap, |(_, limit)| limit)
    }

    pub fn passed(&mut self) {
        self.passed += 1;
    }

    /// Sets the time of the next start: doubled from failure to failure, and from the beginning after good health.
    pub fn failed(&mut self, limit: Limit) {
        let now = Instant::now();
        if self.last.is_some_and(|(at, _)| now - at > self.health) {
            self.next = self.backoff;
        }
        self.last = Some((now, limit));
        self.not_before = now + self.next.mul_f64(jitter());
        self.next = (self.next * 2).min(self.backoff_max);
    }

    /// Notes a failure of one delivery alone; answers whether they are enough to give it up.
    pub fn count(&mut self, key: &Key) -> bool {
        let (count, _) = self.counted.entry(key.clone()).or_insert((0, self.passed));
        *count += 1;
        *count >= self.attempts
    }

    pub fn others_passed(&self, key: &Key) -> bool {
        self.counted.get(key).is_some_and(|(_, passed)| self.passed > *passed)
    }

    pub fn forgive(&mut self, key: &Key) {
        self.counted.remove(key);
    }
}

/// 0.75 to 1.25, so that logins that failed together do not come back together.
fn jitter() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    0.75 + f64::from(since.subsec_micros() % 1_000) / 2_000.0
}
