//! `turn_…`: what lets calls through where the two ends don't reach each other.

use std::path::Path;
use std::time::Duration;

use causeway_api::{Turn, TurnAccess};

use super::section::Section;
use super::{Secret, secret};

const LIFE: Duration = Duration::from_secs(60 * 60);

/// None: clients are told of none.
pub fn read(root: &Section<'_>, directory: &Path) -> Option<Turn> {
    let uris = root.strings("turn_uris");
    let secret = secret(root, directory, "turn_shared_secret");
    let fixed = (root.string("turn_username"), root.string("turn_password"));
    let (life, guests) = (root.duration("turn_user_lifetime").unwrap_or(LIFE), root.bool("turn_allow_guests", true));
    if uris.is_empty() {
        return None;
    }
    let access = match (secret, fixed) {
        (Some(Secret(secret)), _) => TurnAccess::Secret(secret),
        (None, (Some(username), Some(password))) => TurnAccess::Fixed { username, password },
        (None, _) => {
            root.mistake("turn_uris", "needs turn_shared_secret, or turn_username and turn_password");
            return None;
        }
    };
    Some(Turn { uris, access, life, guests })
}
