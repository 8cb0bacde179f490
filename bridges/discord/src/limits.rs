//! Discord's limits, as its answers tell them: what is used up is not asked for before its time. They are forgotten with the
//! Store, which costs one refusal.

use std::collections::BTreeMap;

use causeway_sdk::http::Response;

/// Milliseconds since the Unix epoch, by route.
#[derive(Default)]
pub struct Limits {
    until: BTreeMap<String, u64>,
    /// for all calls
    global: u64,
}

impl Limits {
    /// When a call of this route may go; 0: now.
    pub fn free_at(&self, route: &str, now: u64) -> u64 {
        let until = self.until.get(route).copied().unwrap_or(0).max(self.global);
        if until > now { until } else { 0 }
    }

    /// Learns from an answer's headers.
    pub fn note(&mut self, route: &str, response: &Response, now: u64) {
        let header = |name: &str| {
            let found = response.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.and_then(|(_, value)| value.parse::<f64>().ok())
        };
        self.until.retain(|_, until| *until > now);
        if header("x-ratelimit-remaining") == Some(0.0)
            && let Some(seconds) = header("x-ratelimit-reset-after").filter(|seconds| (0.0..3600.0).contains(seconds))
        {
            self.until.insert(route.to_owned(), now + (seconds * 1000.0).ceil() as u64);
        }
    }

    /// Told to wait so many milliseconds.
    pub fn hold(&mut self, route: &str, wait: u64, is_global: bool, now: u64) {
        match is_global {
            true => self.global = now + wait,
            false => _ = self.until.insert(route.to_owned(), now + wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(remaining: &str, reset_after: &str) -> Response {
        let headers = [("X-RateLimit-Remaining", remaining), ("x-ratelimit-reset-after", reset_after)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Response { status: 200, headers, body: Vec::new(), url: String::new() }
    }

    #[test]
    fn what_is_used_up_waits_for_its_time_and_nothing_else_does() {
        let mut limits = Limits::default();
        limits.note("a", &answer("1", "2.5"), 1000);
        assert_eq!(limits.free_at("a", 1000), 0);
        limits.note("a", &answer("0", "2.5"), 1000);
        assert_eq!((limits.free_at("a", 1000), limits.free_at("b", 1000)), (3500, 0));
        assert_eq!(limits.free_at("a", 3500), 0);
    }

    #[test]
    fn a_global_limit_holds_everything() {
        let mut limits = Limits::default();
        limits.hold("a", 500, true, 1000);
        assert_eq!((limits.free_at("b", 1000), limits.free_at("b", 1500)), (1500, 0));
    }
}
