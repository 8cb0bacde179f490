//! Whether a guest may reach a place: the patterns of its grant against what it names.

use causeway_engine::host::Grant;
use url::Url;

/// `tls://host:port` and `tcp://host:port` patterns; `*` stands for any host, `*.` in front for any subdomain.
pub fn allows_tcp(grant: &Grant, tls: bool, host: &str, port: u16) -> bool {
    let scheme = if tls { "tls" } else { "tcp" };
    grant.tcp.iter().any(|pattern| matches(pattern, scheme, host, port))
}

/// `https://host[:port]` patterns; without a port the scheme's own.
pub fn allows_http(grant: &Grant, url: &Url) -> bool {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
    matches!(url.scheme(), "http" | "https")
        && grant.http.iter().any(|pattern| matches(pattern, url.scheme(), host, port))
}

/// The same with `wss://` and `ws://`.
pub fn allows_websocket(grant: &Grant, url: &Url) -> bool {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
    matches!(url.scheme(), "ws" | "wss")
        && grant.websocket.iter().any(|pattern| matches(pattern, url.scheme(), host, port))
}

fn matches(pattern: &str, scheme: &str, host: &str, port: u16) -> bool {
    let Some((pattern_scheme, place)) = pattern.split_once("://") else { return false };
    if pattern_scheme != scheme {
        return false;
    }
    let place = place.trim_end_matches('/');
    let (pattern_host, pattern_port) = match place.rsplit_once(':') {
        // the colons of an IPv6 address without a port are no separator
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (place, None),
    };
    let port_fits = match (pattern_port, scheme) {
        (Some("*"), _) => true,
        (Some(text), _) => text.parse() == Ok(port),
        (None, "https" | "wss") => port == 443,
        (None, "http" | "ws") => port == 80,
        (None, _) => false,
    };
    port_fits && host_fits(pattern_host, host)
}

fn host_fits(pattern: &str, host: &str) -> bool {
    let bare = |text: &str| text.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    let (pattern, host) = (bare(pattern), bare(host));
    match pattern.strip_prefix("*.") {
        Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        None => pattern == "*" || pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(patterns: &[&str]) -> Grant {
        Grant { tcp: patterns.iter().map(ToString::to_string).collect(), ..Grant::default() }
    }

    #[test]
    fn tcp_pattern_holds_for_its_scheme_host_and_port_only() {
        let grant = tcp(&["tls://irc.example.org:6697"]);
        assert!(allows_tcp(&grant, true, "IRC.example.org.", 6697));
        assert!(!allows_tcp(&grant, false, "irc.example.org", 6697));
        assert!(!allows_tcp(&grant, true, "irc.example.org", 6667));
        assert!(!allows_tcp(&grant, true, "irc.example.org.evil.test", 6697));
    }

    #[test]
    fn wildcard_covers_subdomains_but_neither_the_domain_nor_lookalikes() {
        let grant = tcp(&["tls://*.example.org:*"]);
        assert!(allows_tcp(&grant, true, "a.b.example.org", 1));
        assert!(!allows_tcp(&grant, true, "example.org", 1));
        assert!(!allows_tcp(&grant, true, "evilexample.org", 1));
    }

    #[test]
    fn websocket_pattern_is_of_its_own_list() {
        let grant = Grant {
            http: vec!["https://gateway.example.org".into()],
            websocket: vec!["wss://gateway.example.org".into()],
            ..Grant::default()
        };
        assert!(allows_websocket(&grant, &Url::parse("wss://gateway.example.org/?v=10").expect("a URL")));
        assert!(!allows_websocket(&grant, &Url::parse("ws://gateway.example.org/").expect("a URL")));
        assert!(!allows_websocket(&grant, &Url::parse("https://gateway.example.org/").expect("a URL")));
    }

    #[test]
    fn ipv6_address_is_matched_with_its_brackets() {
        assert!(allows_tcp(&tcp(&["tcp://[::1]:6667"]), false, "::1", 6667));
    }

    #[test]
    fn http_pattern_without_port_means_the_schemes_own() {
        let grant = Grant { http: vec!["https://api.example.org".into()], ..Grant::default() };
        assert!(allows_http(&grant, &Url::parse("https://api.example.org/x").expect("a URL")));
        assert!(!allows_http(&grant, &Url::parse("https://api.example.org:8443/x").expect("a URL")));
        assert!(!allows_http(&grant, &Url::parse("http://api.example.org/x").expect("a URL")));
    }
}
