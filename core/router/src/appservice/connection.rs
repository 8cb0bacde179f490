//! The HTTP side of an appservice: where it is, who we are to it, and which generation of paths it serves.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use causeway_registration::Token;
use reqwest::{Method, RequestBuilder, Response, StatusCode};

#[derive(Clone, Debug)]
pub struct Timeouts {
    pub connect: Duration,
    /// from the request to the end of the answer's head
    pub transaction: Duration,
    pub ping: Duration,
    pub query: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            transaction: Duration::from_secs(60),
            ping: Duration::from_secs(10),
            query: Duration::from_secs(30),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("cannot set up connections to appservices")]
pub struct ConnectionError(#[source] reqwest::Error);

/// How long an appservice that knows only the old paths is not asked under the new ones.
const LEGACY_FOR: Duration = Duration::from_secs(600);

pub struct Connection {
    client: reqwest::Client,
    base: String,
    hs_token: Token,
    pub(super) timeouts: Timeouts,
    /// when it answered under its old paths only
    legacy: Mutex<Option<Instant>>,
    /// how the last transaction went unanswered
    silence: Mutex<Option<Silence>>,
}

/// Why there was no answer at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// nobody listens there
    Refused,
    /// somebody listens and says nothing
    Silent,
}

impl Connection {
    pub(super) fn new(url: &str, hs_token: Token, timeouts: &Timeouts) -> Result<Self, ConnectionError> {
        // Appservices are named by the admin and mostly next door: no proxy, and no redirect could carry the token.
        let mut client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeouts.connect);
        let base = match url.strip_prefix("unix://") {
            Some(path) => {
                client = client.unix_socket(path);
                "http://localhost".to_owned()
            }
            None => url.trim_end_matches('/').to_owned(),
        };
        let client = client.build().map_err(ConnectionError)?;
        Ok(Self {
            client,
            base,
            hs_token,
            timeouts: timeouts.clone(),
            legacy: Mutex::new(None),
            silence: Mutex::new(None),
        })
    }

    /// `path` below `/_matrix/app/v1`.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/_matrix/app/v1{path}", self.base)).bearer_auth(self.hs_token.expose())
    }

    /// As before the specification had versions of this API: no prefix, and the token in the query too.
    fn legacy_request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(self.hs_token.expose())
            .query(&[("access_token", self.hs_token.expose())])
    }

    /// Sends under the new path; when the appservice doesn't know it, under the old one. The new one is tried again every
    /// ten minutes. For what is never answered with 404 by who knows the path.
    pub(super) async fn send_anywhere(
        &self,
        method: Method,
        path: &str,
        body: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, reqwest::Error> {
        let response = self.send(method.clone(), path, &body).await?;
        if self.is_legacy() || !is_unrecognized(response.status()) {
            return Ok(response);
        }
        let legacy = body(self.legacy_request(method, path)).send().await.map_err(reqwest::Error::without_url)?;
        if is_unrecognized(legacy.status()) {
            return Ok(response);
        }
        *self.legacy.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok(legacy)
    }

    /// Sends under the path that transactions found to be known.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, reqwest::Error> {
        if self.is_legacy() {
            return body(self.legacy_request(method, path)).send().await.map_err(reqwest::Error::without_url);
        }
        self.send_current(method, path, body).await
    }

    /// Sends under the new path, whatever is known.
    pub(super) async fn send_current(
        &self,
        method: Method,
        path: &str,
        body: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, reqwest::Error> {
        body(self.request(method, path)).send().await.map_err(reqwest::Error::without_url)
    }

    pub(super) fn set_silence(&self, silence: Option<Silence>) {
        *self.silence.lock().unwrap_or_else(PoisonError::into_inner) = silence;
    }

    pub(super) fn silence(&self) -> Option<Silence> {
        *self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_legacy(&self) -> bool {
        let since = *self.legacy.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() < LEGACY_FOR)
    }
}

/// What the specification asks of servers for paths they don't have.
fn is_unrecognized(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
}

/// One part of a path, escaped.
pub(super) fn segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte.into()),
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}

/// The error of a request and its causes in one line; they never hold the URL.
pub(super) fn describe(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
