//! Notifications to push gateways: `push`, `start_pushers`, and where requests may go.

use causeway_hub::push::AddressRanges;

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

#[derive(Clone, Debug)]
pub struct Push {
    pub enabled: bool,
    /// gateways are told what was said
    pub include_content: bool,
    /// badges count rooms, not messages
    pub count_rooms: bool,
    pub ranges: AddressRanges,
}

pub fn read(root: &Section<'_>) -> Push {
    let section = root.section("push");
    let started = root.bool("start_pushers", true);
    let push = Push {
        enabled: section.bool("enabled", true) && started,
        include_content: section.bool("include_content", true),
        count_rooms: section.bool("group_unread_count_by_room", true),
        ranges: AddressRanges { denied: denied(root), allowed: ranges(root, "ip_range_whitelist") },
    };
    section.finish_after(&["enabled", "include_content", "group_unread_count_by_room", "jitter_delay"]);
    push
}

fn denied(root: &Section<'_>) -> Vec<ipnet::IpNet> {
    let fixed = |ranges: &[&str]| ranges.iter().map(|range| range.parse().expect("a range")).collect::<Vec<_>>();
    let given = match root.get("ip_range_blacklist") {
        None => fixed(DENIED),
        Some(_) => ranges(root, "ip_range_blacklist"),
    };
    [given, fixed(UNSPECIFIED)].concat()
}

fn ranges(root: &Section<'_>, key: &str) -> Vec<ipnet::IpNet> {
    let parse = |text: String| {
        let alone = text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from).ok();
        let range = alone.or_else(|| text.parse().ok());
        if range.is_none() {
            root.mistake(key, format_args!("{text:?} is no address range; write one such as 10.0.0.0/8"));
        }
        range
    };
    root.strings(key).into_iter().filter_map(parse).collect()
}
