//! Where a name leads, and whether a guest may go there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error("the name {0} is not known")]
    Unknown(String, #[source] Option<std::io::Error>),
    #[error("{0} leads to a private address, and the bridge may not reach those; grant it private_networks")]
    Private(String),
}

/// The addresses of `host` that may be reached. Decided on what was resolved, so that a public name for a private
/// address gains nothing.
pub async fn resolve(host: &str, port: u16, private: bool) -> Result<Vec<SocketAddr>, ResolveError> {
    let bare = host.trim_matches(['[', ']']);
    let all: Vec<SocketAddr> = match tokio::net::lookup_host((bare, port)).await {
        Ok(all) => all.collect(),
        Err(error) => return Err(ResolveError::Unknown(host.to_owned(), Some(error))),
    };
    if all.is_empty() {
        return Err(ResolveError::Unknown(host.to_owned(), None));
    }
    let allowed: Vec<SocketAddr> = all.into_iter().filter(|address| private || !is_private(address.ip())).collect();
    if allowed.is_empty() { Err(ResolveError::Private(host.to_owned())) } else { Ok(allowed) }
}

/// Loopback, RFC 1918, shared, link-local, unique local, multicast, and all else that is no public unicast address.
pub fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_private_v4(ip),
        IpAddr::V6(ip) => is_private_v6(ip),
    }
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
}

fn is_private_v6(ip: Ipv6Addr) -> bool {
    if let Some(v4) = ip.to_ipv4() {
        return is_private_v4(v4);
    }
    let [first, second, ..] = ip.segments();
    // NAT64 and 6to4 wrap an IPv4 address, which could be any
    let wraps = first == 0x2002 || (first == 0x64 && second == 0xff9b);
    wraps
        || ip.is_multicast()
        || ip.is_unique_local()
        || ip.is_unicast_link_local()
        || (first == 0x2001 && second == 0xdb8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_public_are_private() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ] {
            assert!(is_private(text.parse().expect("an address")), "{text}");
        }
        for text in ["1.1.1.1", "2606:4700::1111", "100.128.0.1"] {
            assert!(!is_private(text.parse().expect("an address")), "{text}");
        }
    }

    #[tokio::test]
    async fn loopback_is_refused_unless_granted() {
        assert!(matches!(resolve("127.0.0.1", 1, false).await, Err(ResolveError::Private(_))));
        assert!(resolve("127.0.0.1", 1, true).await.is_ok());
    }
}
