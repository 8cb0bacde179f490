//! Notifications to push gateways: `push`, `start_pushers`, and where requests may go.

use causeway_hub::outbound::AddressRanges;

use super::addresses;
use super::section::Section;

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
        ranges: addresses::read(root, "ip_range_blacklist", "ip_range_whitelist"),
    };
    section.finish_after(&["enabled", "include_content", "group_unread_count_by_room", "jitter_delay"]);
    push
}
