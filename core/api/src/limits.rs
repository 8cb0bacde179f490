//! Rate limits: a token bucket for each kind of request and who makes it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;

use crate::{ApiError, Requester};

/// Buckets kept before the full ones are forgotten.
const BUCKETS: usize = 10_000;

/// A bucket's size and how quickly it fills.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub per_second: f64,
    pub burst: f64,
}

/// `rc_*` of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    pub message: Rate,
    pub registration: Rate,
    pub login: Rate,
    pub joins: Rate,
    pub invites: Rate,
}

impl Default for Rates {
    /// Synapse's defaults, but messages: people who paste ten lines are not spammers.
    fn default() -> Self {
        Self {
            message: Rate { per_second: 5.0, burst: 50.0 },
            registration: Rate { per_second: 0.17, burst: 3.0 },
            login: Rate { per_second: 0.17, burst: 3.0 },
            joins: Rate { per_second: 0.1, burst: 10.0 },
            invites: Rate { per_second: 0.3, burst: 10.0 },
        }
    }
}

/// Where a request came from, for limits of those who are not logged in.
pub(crate) struct Address(pub String);

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(peer.map_or_else(|| "-".to_owned(), |ConnectInfo(peer)| peer.ip().to_string())))
    }
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limited {
    Message,
    Registration,
    Login,
    Join,
    Invite,
}

#[derive(Clone)]
pub struct RateLimits {
    rates: Rates,
    buckets: Arc<Mutex<HashMap<(Limited, String), Bucket>>>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl RateLimits {
    pub fn new(rates: Rates) -> Self {
        Self { rates, buckets: Arc::default() }
    }

    /// Takes a token of the requester's. Appservices with `rate_limited: false` are never limited.
    ///
    /// # Errors
    /// 429 `M_LIMIT_EXCEEDED`
    pub fn check(&self, limited: Limited, requester: &Requester) -> Result<(), ApiError> {
        match &requester.appservice {
            Some(appservice) if !appservice.registration.rate_limited => Ok(()),
            _ => self.check_key(limited, requester.user_id.as_str()),
        }
    }

    /// The same for those who are not logged in, by address or name.
    pub fn check_key(&self, limited: Limited, key: &str) -> Result<(), ApiError> {
        self.take(limited, key, Instant::now()).map_err(ApiError::limit_exceeded)
    }

    fn take(&self, limited: Limited, key: &str, now: Instant) -> Result<(), Duration> {
        let rate = match limited {
            Limited::Message => self.rates.message,
            Limited::Registration => self.rates.registration,
            Limited::Login => self.rates.login,
            Limited::Join => self.rates.joins,
            Limited::Invite => self.rates.invites,
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS {
            buckets.retain(|_, bucket| now.duration_since(bucket.at) < Duration::from_secs(60));
        }
        let bucket = buckets.entry((limited, key.to_owned())).or_insert_with(|| Bucket { tokens: rate.burst, at: now });
        let filled = bucket.tokens + now.duration_since(bucket.at).as_secs_f64() * rate.per_second;
        *bucket = Bucket { tokens: filled.min(rate.burst), at: now };
        if bucket.tokens < 1.0 {
            let seconds = (1.0 - bucket.tokens) / rate.per_second.max(1e-6);
            return Err(Duration::from_secs_f64(seconds.min(3600.0)));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_passes_then_waits_for_the_next_token() {
        let rate = Rate { per_second: 2.0, burst: 3.0 };
        let limits = RateLimits::new(Rates { message: rate, ..Rates::default() });
        let start = Instant::now();
        for _ in 0..3 {
            limits.take(Limited::Message, "@a:x", start).expect("within the burst");
        }
        assert_eq!(limits.take(Limited::Message, "@a:x", start), Err(Duration::from_millis(500)));
        limits.take(Limited::Message, "@b:x", start).expect("another user has a bucket of their own");
        limits.take(Limited::Message, "@a:x", start + Duration::from_millis(500)).expect("a token has come");
    }
}
