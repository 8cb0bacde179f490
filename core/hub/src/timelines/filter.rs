//! Whether an event passes a client's filter (client-server API, "Filtering").

use causeway_room::Pdu;
use causeway_store::Entry;
use ruma::api::client::filter::{RoomEventFilter, UrlFilter};
use serde::Deserialize;
use serde_json::value::RawValue;

/// An entry of the log.
pub fn matches(filter: &RoomEventFilter, entry: &Entry) -> bool {
    passes(filter, &entry.room_id, &entry.sender, &entry.event_type)
        && has_wanted_url(filter, || {
            #[derive(Deserialize)]
            struct Stored<'a> {
                #[serde(borrow)]
                content: &'a RawValue,
            }
            serde_json::from_str::<Stored<'_>>(&entry.json).is_ok_and(|stored| has_url(stored.content))
        })
}

/// An event of a room's state.
pub fn matches_pdu(filter: &RoomEventFilter, pdu: &Pdu) -> bool {
    passes(filter, pdu.room_id().as_str(), pdu.sender().as_str(), &pdu.event_type().to_string())
        && has_wanted_url(filter, || has_url(pdu.content()))
}

fn passes(filter: &RoomEventFilter, room_id: &str, sender: &str, event_type: &str) -> bool {
    let names = |list: &[String]| list.iter().any(|pattern| glob(pattern, event_type));
    filter.types.as_deref().is_none_or(names)
        && !names(&filter.not_types)
        && filter.senders.as_deref().is_none_or(|senders| senders.iter().any(|known| known == sender))
        && !filter.not_senders.iter().any(|known| known == sender)
        && filter.rooms.as_deref().is_none_or(|rooms| rooms.iter().any(|known| known == room_id))
        && !filter.not_rooms.iter().any(|known| known == room_id)
}

fn has_wanted_url(filter: &RoomEventFilter, has_url: impl FnOnce() -> bool) -> bool {
    match filter.url_filter {
        None => true,
        Some(UrlFilter::EventsWithUrl) => has_url(),
        Some(UrlFilter::EventsWithoutUrl) => !has_url(),
    }
}

fn has_url(content: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Content {
        url: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_str::<Content>(content.get()).is_ok_and(|content| content.url.is_some())
}

/// `*` stands for any number of characters.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_types() {
        for (pattern, text, expected) in [
            ("m.room.*", "m.room.message", true),
            ("m.room.message", "m.room.message", true),
            ("m.room", "m.room.message", false),
            ("*", "", true),
            ("*.message", "m.room.message", true),
            ("m.*.message*x", "m.room.message", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn exclusion_wins_over_inclusion_and_empty_inclusion_is_nothing() {
        let filter: RoomEventFilter =
            serde_json::from_str(r#"{"types": ["m.room.*"], "not_types": ["m.room.member"]}"#).unwrap();
        assert!(passes(&filter, "!r", "@a:b", "m.room.message"));
        assert!(!passes(&filter, "!r", "@a:b", "m.room.member"));
        let nothing: RoomEventFilter = serde_json::from_str(r#"{"types": []}"#).unwrap();
        assert!(!passes(&nothing, "!r", "@a:b", "m.room.message"));
    }
}
