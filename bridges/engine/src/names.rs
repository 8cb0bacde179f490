//! Remote ids as Matrix localparts: the spec's mapping from other character sets
//! (<https://spec.matrix.org/v1.16/appendices/#mapping-from-other-character-sets>), so that no two ids meet.

use ruma::{OwnedRoomAliasId, OwnedUserId, ServerName};
use sha2::{Digest, Sha256};

use crate::connector::{BridgeId, GhostId, PortalKey};

/// Bytes of a whole user id or alias.
const LIMIT: usize = 255;

/// Everything but `[a-z0-9._/+-]` as `=` and lowercase hex, of each byte of UTF-8.
fn escape(remote: &str) -> String {
    let mut out = String::with_capacity(remote.len());
    for byte in remote.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/' | b'+' => out.push(char::from(byte)),
            _ => out.push_str(&format!("={byte:02x}")),
        }
    }
    out
}

/// `{bridge}_{escaped}`, or with a hash (marked by `==`, which escaping never gives) where the whole id would be too long.
fn localpart(bridge: &BridgeId, escaped: &str, server: &ServerName) -> String {
    let plain = format!("{bridge}_{escaped}");
    if plain.len() + server.as_str().len() + 2 <= LIMIT {
        return plain;
    }
    let hash: String = Sha256::digest(escaped.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{bridge}_=={hash}")
}

pub fn ghost(bridge: &BridgeId, ghost: &GhostId, server: &ServerName) -> OwnedUserId {
    let id = format!("@{}:{server}", localpart(bridge, &escape(ghost.as_str()), server));
    id.try_into().expect("an escaped localpart below 256 bytes is a user id")
}

pub fn bot(bridge: &BridgeId, server: &ServerName) -> OwnedUserId {
    format!("@{bridge}bot:{server}").try_into().expect("a bridge id is a localpart")
}

pub fn alias(bridge: &BridgeId, portal: &PortalKey, server: &ServerName) -> OwnedRoomAliasId {
    let mut escaped = escape(portal.id.as_str());
    if let Some(receiver) = &portal.receiver {
        escaped = format!("{escaped}=={}", escape(receiver.as_str()));
    }
    format!("#{}:{server}", localpart(bridge, &escaped, server)).try_into().expect("an escaped localpart is an alias")
}

/// Whether an id may name a bridge: `[a-z][a-z0-9-]{0,31}`.
pub fn is_bridge_id(id: &str) -> bool {
    id.len() <= 32
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ruma::server_name;

    use super::*;

    #[test]
    fn odd_characters_become_lowercase_hex() {
        let id = ghost(&"irc".into(), &"Nick[é]=_".into(), server_name!("hub.test"));
        assert_eq!(id.as_str(), "@irc_=4eick=5b=c3=a9=5d=3d_:hub.test");
    }

    proptest! {
        #[test]
        fn ids_are_valid_and_never_meet(a in ".{0,120}", b in ".{0,120}") {
            let of = |text: &str| ghost(&"irc".into(), &text.into(), server_name!("hub.test"));
            prop_assert!(of(&a).as_str().len() <= LIMIT);
            prop_assert!(!of(&a).is_historical());
            prop_assert_eq!(a == b, of(&a) == of(&b));
        }
    }
}
