//! Where the hub's own requests to addresses that users name may go.

use std::io;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Ranges that requests are refused to, and exceptions from them: `ip_range_blacklist` and `ip_range_whitelist`, as in
/// Synapse.
#[derive(Clone, Debug, Default)]
pub struct AddressRanges {
    pub denied: Vec<IpNet>,
    pub allowed: Vec<IpNet>,
}

impl AddressRanges {
    pub fn may_reach(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let in_any = |ranges: &[IpNet]| ranges.iter().any(|range| range.contains(&address));
        !in_any(&self.denied) || in_any(&self.allowed)
    }
}

/// Judged by what a name leads to, so that a public name for a private address gains nothing.
impl Resolve for AddressRanges {
    fn resolve(&self, name: Name) -> Resolving {
        let ranges = self.clone();
        Box::pin(async move {
            let all = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = all.filter(|address| ranges.may_reach(address.ip())).collect();
            if allowed.is_empty() {
                let text = format!("{} leads to no address that may be reached (ip_range_blacklist)", name.as_str());
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, text).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_not_reached_unless_it_is_allowed_again() {
        let ranges = AddressRanges {
            denied: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
            allowed: vec!["10.1.0.0/16".parse().unwrap()],
        };
        for (address, expected) in
            [("10.2.3.4", false), ("10.1.3.4", true), ("192.0.2.1", true), ("::1", false), ("::ffff:10.2.3.4", false)]
        {
            assert_eq!(ranges.may_reach(address.parse().unwrap()), expected, "{address}");
        }
    }
}
