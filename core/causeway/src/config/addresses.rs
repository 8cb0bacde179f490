//! Ranges of addresses that the hub's own requests may or may not go to.

use std::net::IpAddr;

use causeway_hub::outbound::AddressRanges;
use ipnet::IpNet;

use super::section::Section;

/// Synapse's own `ip_range_blacklist`: what is not the public Internet.
const DENIED: &[&str] = &[
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "192.0.0.0/24",
    "169.254.0.0/16",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "192.0.2.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "::1/128",
    "fe80::/10",
    "fc00::/7",
    "2001:db8::/32",
    "ff00::/8",
    "fec0::/10",
];
/// Denied whatever the list says, unless allowed: they lead to the hub itself.
const UNSPECIFIED: &[&str] = &["0.0.0.0/32", "::/128"];

/// What two keys say; without the former nothing that is not the public Internet is reached.
pub fn read(root: &Section<'_>, denied: &str, allowed: &str) -> AddressRanges {
    let fixed = |ranges: &[&str]| ranges.iter().map(|range| range.parse().expect("a range")).collect::<Vec<_>>();
    let given = if root.get(denied).is_some() { ranges(root, denied) } else { fixed(DENIED) };
    AddressRanges { denied: [given, fixed(UNSPECIFIED)].concat(), allowed: ranges(root, allowed) }
}

fn ranges(root: &Section<'_>, key: &str) -> Vec<IpNet> {
    let parse = |text: String| {
        let alone = text.parse::<IpAddr>().map(IpNet::from).ok();
        let range = alone.or_else(|| text.parse().ok());
        if range.is_none() {
            root.mistake(key, format_args!("{text:?} is no address range; write one such as 10.0.0.0/8"));
        }
        range
    };
    root.strings(key).into_iter().filter_map(parse).collect()
}
