//! Requests of the hub's own to addresses that users name: push gateways, previewed pages.

mod addresses;

use std::net::IpAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use url::Url;

pub use addresses::AddressRanges;

/// Where a request may not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("this is no http or https address")]
    Scheme,
    #[error("this address may not be reached (ip_range_blacklist)")]
    Range,
}

/// An HTTP client that goes nowhere but where it may. A name is judged by what it leads to at the moment of connecting, so
/// one that leads elsewhere a moment later gains nothing; redirects are not followed: whoever wants to asks anew.
#[derive(Clone)]
pub struct Outbound {
    client: Client,
    ranges: AddressRanges,
}

impl Outbound {
    /// `timeout`: for one request, its answer's body included.
    ///
    /// # Errors
    /// When the system has no usable TLS.
    pub fn new(ranges: AddressRanges, timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(timeout)
            .dns_resolver(ranges.clone())
            .build()?;
        Ok(Self { client, ranges })
    }

    pub fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, Denied> {
        if !["http", "https"].contains(&url.scheme()) {
            return Err(Denied::Scheme);
        }
        // No name, so the resolver is not asked.
        let literal = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
        if literal.is_some_and(|address| !self.ranges.may_reach(address)) {
            return Err(Denied::Range);
        }
        Ok(self.client.request(method, url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_any_spelling_is_judged_before_the_request() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let denied = ["127.0.0.0/8", "::1/128", "10.0.0.0/8"].map(|range| range.parse().expect("a range"));
        let ranges = AddressRanges { denied: denied.into(), allowed: Vec::new() };
        let outbound = Outbound::new(ranges, Duration::from_secs(1)).expect("TLS");
        for (url, expected) in [
            ("http://127.0.0.1/", Some(Denied::Range)),
            ("http://2130706433/", Some(Denied::Range)),
            ("http://0x7f.1/", Some(Denied::Range)),
            ("http://[::1]/", Some(Denied::Range)),
            ("https://[::ffff:10.1.2.3]:8448/", Some(Denied::Range)),
            ("ftp://192.0.2.1/", Some(Denied::Scheme)),
            ("http://192.0.2.1/", None),
            ("http://a.name/", None),
        ] {
            let url = Url::parse(url).expect("a URL");
            assert_eq!(outbound.request(Method::GET, url.clone()).err(), expected, "{url}");
        }
    }
}
