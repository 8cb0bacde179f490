//! Flood control: a token bucket, so that a network never has a reason to kick.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flood {
    /// lines that may go at once after a pause; 0 turns flood control off
    pub burst: u32,
    /// lines a second after that
    pub per_second: f64,
}

impl Default for Flood {
    /// What networks commonly allow.
    fn default() -> Self {
        Self { burst: 5, per_second: 0.5 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    tokens: f64,
    /// milliseconds since the Unix epoch
    at: u64,
}

impl Bucket {
    pub fn full(flood: &Flood, now: u64) -> Self {
        Self { tokens: f64::from(flood.burst), at: now }
    }

    /// Takes one line's worth; else answers in how many milliseconds there is one.
    pub fn take(&mut self, flood: &Flood, now: u64) -> Result<(), u64> {
        if flood.burst == 0 {
            return Ok(());
        }
        let passed = now.saturating_sub(self.at) as f64 / 1000.0;
        self.tokens = (self.tokens + passed * flood.per_second).min(f64::from(flood.burst));
        self.at = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err((((1.0 - self.tokens) / flood.per_second) * 1000.0).ceil() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_and_then_one_line_each_two_seconds() {
        let flood = Flood::default();
        let mut bucket = Bucket::full(&flood, 1_000);
        for _ in 0..5 {
            assert_eq!(bucket.take(&flood, 1_000), Ok(()));
        }
        assert_eq!(bucket.take(&flood, 1_000), Err(2_000));
        assert_eq!(bucket.take(&flood, 2_999), Err(1));
        assert_eq!(bucket.take(&flood, 3_000), Ok(()));
        assert!(bucket.take(&flood, 3_000).is_err());
    }

    #[test]
    fn a_long_pause_fills_no_more_than_the_burst() {
        let flood = Flood { burst: 2, per_second: 1.0 };
        let mut bucket = Bucket::full(&flood, 0);
        let taken = (0..10).filter(|_| bucket.take(&flood, 1_000_000).is_ok()).count();
        assert_eq!(taken, 2);
    }

    #[test]
    fn no_burst_means_no_limit() {
        let flood = Flood { burst: 0, per_second: 0.5 };
        let mut bucket = Bucket::full(&flood, 0);
        assert!((0..1000).all(|_| bucket.take(&flood, 0).is_ok()));
    }
}
