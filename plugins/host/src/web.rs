//! HTTP on behalf of a guest: only within its grant, redirects included, and to private addresses only where granted.

use std::sync::Arc;
use std::time::Duration;

use causeway_bindings::v0_1::causeway::bridge::http::Response;
use causeway_bindings::v0_1::causeway::bridge::ids::{Error, ErrorKind};
use causeway_engine::host::Grant;
use futures_util::StreamExt;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use url::{Host, Url};

use crate::grant::allows_http;
use crate::limits::Limit;
use crate::net::address::{is_private, resolve};
use crate::net::tls::Roots;

const REDIRECTS: usize = 5;

/// A request that was checked.
#[derive(Clone)]
pub struct Request {
    pub method: reqwest::Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub timeout: Duration,
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
        body: Vec<u8>,
        timeout: Duration,
        max_response: u64,
    ) -> Result<Request, Refusal> {
        let bad = |what: &str| Refusal::Bad(what.to_owned());
        let url = Url::parse(url).map_err(|error| Refusal::Bad(format!("the URL can't be read: {error}")))?;
        check(&self.grant, &url)?;
        let method = method.parse().map_err(|_| bad("the method can't be read"))?;
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().map_err(|_| bad("a header's name can't be read"))?;
            let value: HeaderValue = value.parse().map_err(|_| bad("a header's value can't be sent"))?;
            map.append(name, value);
        }
        Ok(Request { method, url, headers: map, body, timeout, max_response })
    }

    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let Request { method, url, headers, body, timeout, max_response } = request;
        let sent = self.client.request(method, url).headers(headers).body(body).timeout(timeout).send().await;
        let answer = sent.map_err(|error| network(&error))?;
        let (status, url) = (answer.status().as_u16(), answer.url().to_string());
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
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

fn check(grant: &Grant, url: &Url) -> Result<(), Refusal> {
    if !allows_http(grant, url) {
        let place = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
        return Err(Refusal::Limit(Limit::HttpHost, format!("{place} is not in the bridge's grant")));
    }
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
    Error { kind, message, retry_after_ms: None }
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
