//! HTTP on behalf of a guest: only within its grant, redirects included, and to private addresses only where granted.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use causeway_bindings::v0_1::causeway::bridge::http::Response;
use causeway_bindings::v0_1::causeway::bridge::ids::{Error, ErrorKind};
use causeway_engine::host::Grant;
use futures_util::StreamExt;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::multipart::{Form, Part};
use reqwest::redirect::Policy;
use url::{Host, Url};

use crate::grant::{allows_http, allows_websocket};
use crate::limits::Limit;
use crate::net::address::{is_private, resolve};
use crate::net::tls::Roots;

const REDIRECTS: usize = 5;
const CONNECT: Duration = Duration::from_secs(30);
/// Before the next try where no connection came about.
const RECONNECT_MS: u64 = 1000;

/// What a request carries.
#[derive(Clone, Debug)]
pub enum Body {
    Bytes(Bytes),
    Form(Vec<Field>),
}

/// One field of a form.
#[derive(Clone, Debug)]
pub enum Field {
    Text { name: String, text: String },
    File { name: String, file_name: String, mime: String, data: Bytes },
}

/// A request that was checked.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: reqwest::Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Body,
    /// of the whole exchange; none for an answer that stays open
    pub timeout: Option<Duration>,
    pub max_response: u64,
}

#[derive(Clone)]
pub struct Web {
    client: reqwest::Client,
    grant: Arc<Grant>,
}

/// What a request is refused for, before anything is sent.
pub enum Refusal {
    Limit(Limit, String),
    Bad(String),
}

impl Web {
    pub fn new(grant: &Grant, roots: &Roots) -> Result<Self, reqwest::Error> {
        let grant = Arc::new(grant.clone());
        let hops = grant.clone();
        let client = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT)
            .tls_backend_preconfigured(roots.client())
            .dns_resolver(Arc::new(Names { private: grant.private_networks }))
            .redirect(Policy::custom(move |hop| {
                if hop.previous().len() > REDIRECTS {
                    hop.error("too many redirects")
                } else if check(&hops, hop.url()).is_err() {
                    hop.error("the redirect leads out of the grant")
                } else {
                    hop.follow()
                }
            }))
            .build()?;
        Ok(Self { client, grant })
    }

    pub fn request(
        &self,
        method: &str,
        url: &str,
        headers: &[(String, String)],
        body: Body,
        timeout: Option<Duration>,
        max_response: u64,
    ) -> Result<Request, Refusal> {
        let url = parse_url(url)?;
        check(&self.grant, &url)?;
        let method = method.parse().map_err(|_| Refusal::Bad("the method can't be read".into()))?;
        Ok(Request { method, url, headers: header_map(headers)?, body, timeout, max_response })
    }

    /// Sends the request; the answer's body is still to be read.
    pub async fn open(&self, request: Request) -> Result<reqwest::Response, Error> {
        let Request { method, url, headers, body, timeout, .. } = request;
        let builder = self.client.request(method, url).headers(headers);
        let mut builder = match body {
            Body::Bytes(bytes) => builder.body(bytes),
            Body::Form(fields) => builder.multipart(form(fields)?),
        };
        if let Some(timeout) = timeout {
            builder = builder.timeout(timeout);
        }
        builder.send().await.map_err(|error| network(&error))
    }

    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let max_response = request.max_response;
        let answer = self.open(request).await?;
        let (status, url) = (answer.status().as_u16(), answer.url().to_string());
        let headers = headers(answer.headers());
        let mut body = Vec::new();
        let mut chunks = answer.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| network(&error))?;
            if body.len() as u64 + chunk.len() as u64 > max_response {
                let message = format!("the answer is longer than {max_response} bytes");
                return Err(Error { kind: ErrorKind::TooLarge, message, retry_after_ms: None });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, headers, body, url })
    }
}

fn form(fields: Vec<Field>) -> Result<Form, Error> {
    let mut form = Form::new();
    for field in fields {
        form = match field {
            Field::Text { name, text } => form.text(name, text),
            Field::File { name, file_name, mime, data } => {
                let length = data.len() as u64;
                let part = Part::stream_with_length(data, length).file_name(file_name).mime_str(&mime);
                let unreadable = |_| Error {
                    kind: ErrorKind::BadRequest,
                    message: format!("{mime:?} is no kind of file"),
                    retry_after_ms: None,
                };
                form.part(name, part.map_err(unreadable)?)
            }
        };
    }
    Ok(form)
}

/// Headers as a guest sees them.
pub fn headers(map: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    map.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

pub fn header_map(headers: &[(String, String)]) -> Result<HeaderMap, Refusal> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().map_err(|_| Refusal::Bad("a header's name can't be read".into()))?;
        let value: HeaderValue = value.parse().map_err(|_| Refusal::Bad("a header's value can't be sent".into()))?;
        map.append(name, value);
    }
    Ok(map)
}

pub fn parse_url(text: &str) -> Result<Url, Refusal> {
    Url::parse(text).map_err(|error| Refusal::Bad(format!("the URL can't be read: {error}")))
}

/// Whether a WebSocket may be opened to `url`.
pub fn check_websocket(grant: &Grant, url: &Url) -> Result<(), Refusal> {
    granted(allows_websocket(grant, url), Limit::NetHost, url)?;
    check_literal(grant, url)
}

fn check(grant: &Grant, url: &Url) -> Result<(), Refusal> {
    granted(allows_http(grant, url), Limit::HttpHost, url)?;
    check_literal(grant, url)
}

fn granted(allowed: bool, limit: Limit, url: &Url) -> Result<(), Refusal> {
    if allowed {
        return Ok(());
    }
    let place = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    Err(Refusal::Limit(limit, format!("{place} is not in the bridge's grant")))
}

/// An address in the URL is not resolved, so it is judged here.
fn check_literal(grant: &Grant, url: &Url) -> Result<(), Refusal> {
    let literal = match url.host() {
        Some(Host::Ipv4(ip)) => Some(ip.into()),
        Some(Host::Ipv6(ip)) => Some(ip.into()),
        _ => None,
    };
    if !grant.private_networks && literal.is_some_and(is_private) {
        return Err(Refusal::Limit(Limit::PrivateAddress, "the URL names a private address".into()));
    }
    Ok(())
}

fn network(error: &reqwest::Error) -> Error {
    let kind = if error.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Network };
    // without the URL, which may hold a token
    let mut message = String::from("the request failed");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    // Without a connection nothing has left.
    let retry_after_ms = error.is_connect().then_some(RECONNECT_MS);
    Error { kind, message, retry_after_ms }
}

struct Names {
    private: bool,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.private;
        Box::pin(async move {
            let addresses = resolve(name.as_str(), 0, private).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
