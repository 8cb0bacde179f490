//! Who catches up leaves the machine to those who are up to date.

use std::time::Duration;

use causeway_store::Position;
use tokio::time::Instant;

/// Between two transactions of what waited, while the log grows: 5,000 entries a second in full ones.
const PAUSE: Duration = Duration::from_millis(20);
/// The log is said to grow until it has not for so long.
const STIRRED: Duration = Duration::from_millis(100);

/// Holds back what waited, but only while there is something new for anybody.
#[derive(Default)]
pub(super) struct Courtesy {
    seen: Position,
    stirred: Option<Instant>,
    /// of what waited, nothing before that moment
    next: Option<Instant>,
}

impl Courtesy {
    /// The dispatcher has come so far.
    pub fn sees(&mut self, seen: Position, now: Instant) {
        if seen > self.seen {
            self.seen = seen;
            self.stirred = Some(now);
        }
    }

    /// A transaction of what waited starts.
    pub fn departs(&mut self, now: Instant) {
        let grows = self.stirred.is_some_and(|stirred| now < stirred + STIRRED);
        self.next = grows.then_some(now + PAUSE);
    }

    pub fn waits(&self, now: Instant) -> bool {
        self.next.is_some_and(|next| now < next)
    }

    pub fn due(&self) -> Option<Instant> {
        self.next
    }
}
