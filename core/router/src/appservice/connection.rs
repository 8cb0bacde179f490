//! The HTTP side of an appservice: where it is, who we are to it, and which generation of paths it serves.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use causeway_registration::Registration;
use reqwest::{Method, RequestBuilder, Response, StatusCode};

/// How appservices are spoken to.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    pub connect: Duration,
    /// from the request to the end of the answer's head
    pub transaction: Duration,
    pub ping: Duration,
    /// of each of a query's tries
    pub query: Duration,
    /// how long an appservice that knows only the old paths is not asked under the new ones
    pub legacy: Duration,
    /// The token goes into the query too, unless a registration says otherwise.
    pub legacy_authorization: bool,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            transaction: Duration::from_secs(60),
            ping: Duration::from_secs(10),
            query: Duration::from_secs(30),
            legacy: Duration::from_secs(600),
            legacy_authorization: false,
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("cannot set up connections to appservices")]
pub struct ConnectionError(#[source] reqwest::Error);

pub struct Connection {
    client: reqwest::Client,
    base: String,
    hs_token: causeway_registration::Token,
    /// it wants the token in the query of every request too
    token_in_query: bool,
    pub(super) settings: HttpSettings,
    /// when it answered under its old paths only
    legacy: Mutex<Option<Instant>>,
    /// as it was last seen: a [`Presence`]
    presence: AtomicU8,
}

/// What a ping says of an appservice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// nothing is answered, or by a proxy in its place, or not to us
    Away,
    /// something is answered: an appservice that does not know pings, or something else
    Odd,
    Well,
}

/// An answer, read as far as it may be.
pub(super) struct Answered {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

/// Bytes of an answer to a query.
const ANSWER: usize = 1 << 20;

impl Connection {
    pub(super) fn new(
        url: &str,
        registration: &Registration,
        settings: &HttpSettings,
    ) -> Result<Self, ConnectionError> {
        // Appservices are named by the admin and mostly next door: no proxy, and no redirect could carry the token.
        let mut client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(settings.connect);
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
            hs_token: registration.hs_token.clone(),
            token_in_query: registration.legacy_authorization.unwrap_or(settings.legacy_authorization),
            settings: settings.clone(),
            legacy: Mutex::new(None),
            presence: AtomicU8::new(Presence::Well as u8),
        })
    }

    /// `path` below `/_matrix/app/v1`.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}/_matrix/app/v1{path}", self.base));
        let request = if self.token_in_query { self.with_token(request) } else { request };
        request.bearer_auth(self.hs_token.expose())
    }

    /// As before the specification had versions of this API, and with the token in the query too.
    fn legacy_request(&self, method: Method, path: &str) -> RequestBuilder {
        let prefix = if path.starts_with("/thirdparty/") { "/_matrix/app/unstable" } else { "" };
        let request = self.client.request(method, format!("{}{prefix}{path}", self.base));
        self.with_token(request).bearer_auth(self.hs_token.expose())
    }

    fn with_token(&self, request: RequestBuilder) -> RequestBuilder {
        request.query(&[("access_token", self.hs_token.expose())])
    }

    /// Sends under the new path; when the appservice doesn't know it, under the old one. The new one is tried again
    /// after [`HttpSettings::legacy`]. For what is never answered with 404 by who knows the path.
    pub(super) async fn send_anywhere(
        &self,
        method: Method,
        path: &str,
        body: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, reqwest::Error> {
        if self.is_legacy() {
            return body(self.legacy_request(method, path)).send().await.map_err(reqwest::Error::without_url);
        }
        let response = self.send_current(method.clone(), path, &body).await?;
        if !matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) {
            return Ok(response);
        }
        let legacy = body(self.legacy_request(method, path)).send().await.map_err(reqwest::Error::without_url)?;
        if matches!(legacy.status(), StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) {
            return Ok(response);
        }
        self.set_legacy();
        Ok(legacy)
    }

    /// Asks under the new path, and under the old one where the answer may mean that the new one is not known: a 404
    /// that is no Matrix error is also what some say of a user or alias.
    pub(super) async fn ask(&self, path: &str, query: &[(String, String)]) -> Result<Answered, reqwest::Error> {
        let ask = async |request: RequestBuilder| {
            let request = request.query(query).timeout(self.settings.query);
            read(request.send().await.map_err(reqwest::Error::without_url)?).await
        };
        if self.is_legacy() {
            return ask(self.legacy_request(Method::GET, path)).await;
        }
        let answer = ask(self.request(Method::GET, path)).await?;
        if !answer.is_unrecognized() {
            return Ok(answer);
        }
        let legacy = ask(self.legacy_request(Method::GET, path)).await?;
        if !legacy.status.is_success() {
            return Ok(answer);
        }
        self.set_legacy();
        Ok(legacy)
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

    /// Whether it is more there than when it was last seen.
    pub(super) fn see(&self, presence: Presence) -> bool {
        presence as u8 > self.presence.swap(presence as u8, Ordering::Relaxed)
    }

    fn set_legacy(&self) {
        *self.legacy.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn is_legacy(&self) -> bool {
        let since = *self.legacy.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() < self.settings.legacy)
    }
}

impl Answered {
    fn is_unrecognized(&self) -> bool {
        #[derive(serde::Deserialize)]
        struct Error {
            errcode: String,
        }
        let errcode = serde_json::from_slice(&self.body).ok().map(|Error { errcode }| errcode);
        match self.status {
            StatusCode::METHOD_NOT_ALLOWED => true,
            StatusCode::NOT_FOUND => errcode.is_none_or(|errcode| errcode == "M_UNRECOGNIZED"),
            _ => false,
        }
    }
}

async fn read(mut response: Response) -> Result<Answered, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER {
            break;
        }
    }
    Ok(Answered { status: response.status(), body })
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
