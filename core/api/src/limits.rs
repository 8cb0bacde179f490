//! Rate limits: a token bucket for each kind of request and who makes it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use causeway_router::Registered;

use crate::{ApiError, Requester};

/// Buckets kept before the full ones, which say nothing, are forgotten.
const BUCKETS: usize = 10_000;

/// A bucket's size and how quickly it fills.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub per_second: f64,
    pub burst: f64,
}

impl Rate {
    pub const UNLIMITED: Self = Self { per_second: f64::INFINITY, burst: f64::INFINITY };
}

/// `rc_*` of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    pub message: Rate,
    pub registration: Rate,
    /// attempts to log in from one address
    pub login_address: Rate,
    /// attempts that got into one account
    pub login_account: Rate,
    /// wrong passwords for one account
    pub login_failed: Rate,
    pub joins: Rate,
    /// into one room, whoever joins
    pub joins_per_room: Rate,
    /// by one user
    pub invites: Rate,
    /// into one room, whoever invites
    pub invites_per_room: Rate,
    /// of one user, whoever invites
    pub invites_per_user: Rate,
    pub room_creation: Rate,
    pub media_create: Rate,
    pub presence: Rate,
    pub user_directory: Rate,
    /// redactions by server admins, where they are not counted as messages
    pub admin_redaction: Option<Rate>,
    /// questions from one address whether a registration token is valid
    pub token_validity: Rate,
    pub reports: Rate,
    /// mails that prove an address, by address and by who asks
    pub threepid_validation: Rate,
}

impl Default for Rates {
    /// Synapse's defaults, but messages: people who paste ten lines are not spammers. What Synapse limits beyond is free
    /// until the configuration says otherwise.
    fn default() -> Self {
        Self {
            message: Rate { per_second: 5.0, burst: 50.0 },
            registration: Rate { per_second: 0.17, burst: 3.0 },
            login_address: Rate { per_second: 0.003, burst: 5.0 },
            login_account: Rate { per_second: 0.003, burst: 5.0 },
            login_failed: Rate { per_second: 0.17, burst: 3.0 },
            joins: Rate { per_second: 0.1, burst: 10.0 },
            joins_per_room: Rate::UNLIMITED,
            invites: Rate { per_second: 0.3, burst: 10.0 },
            invites_per_room: Rate::UNLIMITED,
            invites_per_user: Rate::UNLIMITED,
            room_creation: Rate::UNLIMITED,
            media_create: Rate::UNLIMITED,
            presence: Rate::UNLIMITED,
            user_directory: Rate::UNLIMITED,
            admin_redaction: None,
            token_validity: Rate { per_second: 0.1, burst: 5.0 },
            reports: Rate { per_second: 1.0, burst: 5.0 },
            threepid_validation: Rate { per_second: 0.003, burst: 5.0 },
        }
    }
}

/// On requests of a listener behind a proxy, which names the client in `X-Forwarded-For`.
#[derive(Clone, Copy)]
pub struct BehindProxy;

/// Where a request came from, for limits of those who are not logged in.
pub(crate) struct Address(pub String);

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

impl Address {
    pub fn of(parts: &Parts) -> Self {
        let peer = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_string());
        let forwarded = parts.extensions.get::<BehindProxy>().and_then(|_| forwarded_for(&parts.headers));
        Self(forwarded.or_else(peer).unwrap_or_else(|| "-".to_owned()))
    }
}

/// The last address in it is the proxy's word; what stands before it the client may have made up.
fn forwarded_for(headers: &HeaderMap) -> Option<String> {
    let value = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    let last = value.rsplit(',').next()?.trim();
    last.parse::<IpAddr>().ok().map(|address| address.to_string())
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limited {
    Message,
    Registration,
    LoginAddress,
    LoginAccount,
    /// by user
    FailedLogin,
    /// a wrong password of somebody who is logged in, so that strangers can't use up their tries
    FailedConfirmation,
    Join,
    /// by room
    JoinOfRoom,
    Invite,
    /// by room
    InviteToRoom,
    /// by who is invited
    InviteOfUser,
    RoomCreation,
    MediaCreate,
    Presence,
    UserDirectory,
    AdminRedaction,
    TokenValidity,
    Report,
    ThreepidValidation,
}

#[derive(Clone)]
pub struct RateLimits {
    rates: Rates,
    buckets: Arc<Mutex<Buckets>>,
}

struct Buckets {
    by_key: HashMap<(Limited, String), Bucket>,
    /// how many there may be before the full ones are looked for
    limit: usize,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl RateLimits {
    pub fn new(rates: Rates) -> Self {
        Self { rates, buckets: Arc::new(Mutex::new(Buckets { by_key: HashMap::new(), limit: BUCKETS })) }
    }

    /// Takes a token of the requester's. Appservices with `rate_limited: false`, and their senders, are never limited.
    ///
    /// # Errors
    /// 429 `M_LIMIT_EXCEEDED`
    pub fn check(&self, limited: Limited, requester: &Requester) -> Result<(), ApiError> {
        self.check_of(limited, requester, requester.user_id.as_str())
    }

    /// The same of a bucket that the requester shares: a room's, or that of who is invited.
    ///
    /// # Errors
    /// 429 `M_LIMIT_EXCEEDED`
    pub fn check_of(&self, limited: Limited, requester: &Requester, key: &str) -> Result<(), ApiError> {
        if is_exempt(requester) { Ok(()) } else { self.check_key(limited, key) }
    }

    /// Takes so many tokens of the requester's at once, or none: whether there are so many.
    pub fn takes(&self, limited: Limited, requester: &Requester, count: usize) -> bool {
        count == 0
            || is_exempt(requester)
            || self.take(limited, requester.user_id.as_str(), count as f64, Instant::now()).is_ok()
    }

    /// The same for those who are not logged in, by address or name.
    pub fn check_key(&self, limited: Limited, key: &str) -> Result<(), ApiError> {
        self.take(limited, key, 1.0, Instant::now()).map_err(ApiError::limit_exceeded)
    }

    /// Whether there is a token, without taking it: where only failures count.
    pub fn check_failures(&self, limited: Limited, key: &str) -> Result<(), ApiError> {
        self.take(limited, key, 0.0, Instant::now()).map_err(ApiError::limit_exceeded)
    }

    /// Takes a token for a failure, if there is one.
    pub fn count_failure(&self, limited: Limited, key: &str) {
        // Whoever has none left hears so with the next attempt.
        let _ = self.take(limited, key, 1.0, Instant::now());
    }

    /// Whether redactions by server admins are counted apart from messages.
    pub fn tells_admins_apart(&self) -> bool {
        self.rates.admin_redaction.is_some()
    }

    fn rate(&self, limited: Limited) -> Rate {
        match limited {
            Limited::Message => self.rates.message,
            Limited::Registration => self.rates.registration,
            Limited::LoginAddress => self.rates.login_address,
            Limited::LoginAccount => self.rates.login_account,
            Limited::FailedLogin | Limited::FailedConfirmation => self.rates.login_failed,
            Limited::Join => self.rates.joins,
            Limited::JoinOfRoom => self.rates.joins_per_room,
            Limited::Invite => self.rates.invites,
            Limited::InviteToRoom => self.rates.invites_per_room,
            Limited::InviteOfUser => self.rates.invites_per_user,
            Limited::RoomCreation => self.rates.room_creation,
            Limited::MediaCreate => self.rates.media_create,
            Limited::Presence => self.rates.presence,
            Limited::UserDirectory => self.rates.user_directory,
            Limited::AdminRedaction => self.rates.admin_redaction.unwrap_or(self.rates.message),
            Limited::TokenValidity => self.rates.token_validity,
            Limited::Report => self.rates.reports,
            Limited::ThreepidValidation => self.rates.threepid_validation,
        }
    }

    fn take(&self, limited: Limited, key: &str, tokens: f64, now: Instant) -> Result<(), Duration> {
        let rate = self.rate(limited);
        if rate.burst.is_infinite() {
            return Ok(());
        }
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.by_key.len() >= buckets.limit {
            buckets.by_key.retain(|(limited, _), bucket| !bucket.is_full(self.rate(*limited), now));
            buckets.limit = (buckets.by_key.len() * 2).max(BUCKETS);
        }
        let new = Bucket { tokens: rate.burst, at: now };
        let bucket = buckets.by_key.entry((limited, key.to_owned())).or_insert(new);
        *bucket = Bucket { tokens: bucket.filled(rate, now), at: now };
        let wanted = tokens.max(1.0);
        if bucket.tokens < wanted {
            let seconds = (wanted - bucket.tokens) / rate.per_second.max(1e-6);
            return Err(Duration::from_secs_f64(seconds.min(3600.0)));
        }
        bucket.tokens -= tokens;
        Ok(())
    }
}

fn is_exempt(requester: &Requester) -> bool {
    let exempt = |appservice: &Arc<Registered>| {
        !appservice.registration.rate_limited || requester.user_id == appservice.sender_id()
    };
    requester.appservice.as_ref().is_some_and(exempt)
}

impl Bucket {
    fn filled(&self, rate: Rate, now: Instant) -> f64 {
        (self.tokens + now.duration_since(self.at).as_secs_f64() * rate.per_second).min(rate.burst)
    }

    fn is_full(&self, rate: Rate, now: Instant) -> bool {
        self.filled(rate, now) >= rate.burst
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
            limits.take(Limited::Message, "@a:x", 1.0, start).expect("within the burst");
        }
        assert_eq!(limits.take(Limited::Message, "@a:x", 1.0, start), Err(Duration::from_millis(500)));
        limits.take(Limited::Message, "@b:x", 1.0, start).expect("another user has a bucket of their own");
        limits.take(Limited::Message, "@a:x", 1.0, start + Duration::from_millis(500)).expect("a token has come");
    }

    #[test]
    fn full_buckets_are_forgotten_and_others_are_not() {
        let rate = Rate { per_second: 1.0, burst: 1.0 };
        let limits = RateLimits::new(Rates {
            message: rate,
            login_failed: Rate { per_second: 0.0, ..rate },
            ..Rates::default()
        });
        let start = Instant::now();
        limits.take(Limited::FailedLogin, "@a:x", 1.0, start).expect("the first");
        for number in 1..BUCKETS {
            limits.take(Limited::Message, &number.to_string(), 1.0, start).expect("the first");
        }
        let later = start + Duration::from_secs(600);
        limits.take(Limited::Message, "one more", 1.0, later).expect("the first");
        assert_eq!(limits.buckets.lock().expect("nobody panicked").by_key.len(), 2);
        assert!(limits.take(Limited::FailedLogin, "@a:x", 1.0, later).is_err());
    }

    #[test]
    fn only_the_last_forwarded_address_is_believed() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded_for(&headers), None);
        headers.append("x-forwarded-for", "9.9.9.9".parse().expect("a header"));
        headers.append("x-forwarded-for", "8.8.8.8, 2001:db8::1".parse().expect("a header"));
        assert_eq!(forwarded_for(&headers).as_deref(), Some("2001:db8::1"));
        headers.append("x-forwarded-for", "unknown".parse().expect("a header"));
        assert_eq!(forwarded_for(&headers), None);
    }
}
