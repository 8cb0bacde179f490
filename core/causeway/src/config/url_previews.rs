//! Previews of links: `url_preview_…`, `max_spider_size`.

use causeway_hub::outbound::AddressRanges;
use causeway_hub::previews::{PreviewSettings, UrlPart, UrlPattern};

use super::addresses;
use super::section::Section;

#[derive(Clone, Debug)]
pub struct UrlPreviews {
    pub ranges: AddressRanges,
    pub settings: PreviewSettings,
}

/// None: there are none.
pub fn read(root: &Section<'_>) -> Option<UrlPreviews> {
    let (denied, allowed) = ("url_preview_ip_range_blacklist", "url_preview_ip_range_whitelist");
    let enabled = root.bool("url_preview_enabled", false);
    if enabled && root.get(denied).is_none() {
        root.mistake(
            "url_preview_enabled",
            format_args!("needs {denied}, as in Synapse: everybody's links make requests from here; write what they may not reach"),
        );
    }
    let languages = root.strings("url_preview_accept_language");
    let previews = UrlPreviews {
        ranges: addresses::read(root, denied, allowed),
        settings: PreviewSettings {
            denied_urls: root.sections("url_preview_url_blacklist").iter().map(denied_url).collect(),
            max_size: root.size("max_spider_size", 10 << 20),
            accept_language: if languages.is_empty() { "en".to_owned() } else { languages.join(", ") },
        },
    };
    if !previews.settings.accept_language.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        root.mistake("url_preview_accept_language", "must be languages such as en, or de;q=0.9");
    }
    enabled.then_some(previews)
}

fn denied_url(entry: &Section<'_>) -> Vec<UrlPattern> {
    let keys = entry.keys();
    let pattern = |key: &String| {
        let pattern = entry.string(key)?;
        let Some(part) = UrlPart::parse(key) else {
            entry.mistake(
                key,
                "is no part of a URL; use scheme, netloc, hostname, port, path, query, fragment, username, password",
            );
            return None;
        };
        UrlPattern::new(part, &pattern).map_err(|error| entry.mistake(key, error)).ok()
    };
    keys.iter().filter_map(pattern).collect()
}
