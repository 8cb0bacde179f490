//! Limits: so many calls of a route for each channel (or guild, or webhook) in so much time, and of a bot overall.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue};

use super::error::ApiError;
use super::time::now;

/// Calls in a time.
type Limit = (u32, Duration);

/// Where a test says nothing: far more than is given in truth, so that no test waits for it.
const USUAL: Limit = (100, Duration::from_secs(1));
const GLOBAL: Limit = (50, Duration::from_secs(1));

#[derive(Debug)]
struct Window {
    begun: Instant,
    used: u32,
}

#[derive(Debug, Default)]
pub struct Rates {
    /// by route, as `POST /channels/:id/messages`
    pub limits: HashMap<String, Limit>,
    windows: HashMap<(String, String), Window>,
    global: HashMap<String, Window>,
}

impl Rates {
    /// One more call: what the answer's headers say, and the refusal where it is one too many.
    pub fn count(&mut self, token: &str, route: &str, major: &str) -> (HeaderMap, Result<(), ApiError>) {
        let limit = self.limits.get(route).copied().unwrap_or(USUAL);
        let key = (route.to_owned(), major.to_owned());
        let (left, wait, is_over) = take(self.windows.entry(key).or_insert_with(fresh), limit);
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: String| {
            headers.insert(name, HeaderValue::from_str(&value).expect("ASCII"));
        };
        put("x-ratelimit-limit", limit.0.to_string());
        put("x-ratelimit-remaining", left.to_string());
        put("x-ratelimit-reset-after", format!("{:.3}", wait.as_secs_f64()));
        put("x-ratelimit-reset", format!("{:.3}", now() as f64 / 1000.0 + wait.as_secs_f64()));
        put("x-ratelimit-bucket", bucket(route));
        if is_over {
            return (headers, Err(ApiError::flood(rounded(wait), false)));
        }
        let (_, wait, is_over) = take(self.global.entry(token.to_owned()).or_insert_with(fresh), GLOBAL);
        if is_over {
            return (headers, Err(ApiError::flood(rounded(wait), true)));
        }
        (headers, Ok(()))
    }
}

fn fresh() -> Window {
    Window { begun: Instant::now(), used: 0 }
}

fn take(window: &mut Window, limit: Limit) -> (u32, Duration, bool) {
    if window.begun.elapsed() >= limit.1 {
        *window = fresh();
    }
    window.used += 1;
    let wait = limit.1.saturating_sub(window.begun.elapsed());
    (limit.0.saturating_sub(window.used), wait, window.used > limit.0)
}

fn rounded(wait: Duration) -> f64 {
    (wait.as_secs_f64() * 1000.0).ceil() / 1000.0
}

/// A name that says nothing, one for each route.
fn bucket(route: &str) -> String {
    let hash = route.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
