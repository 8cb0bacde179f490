//! How IRC's names become the bridge's ids. They are stored, so their form is part of the plugin's data.

use causeway_sdk::PortalKey;
use causeway_sdk::remote::Sender;

/// A channel, shared by all logins; `folded` by the network's case mapping.
pub fn channel(folded: &str) -> PortalKey {
    PortalKey { id: folded.to_owned(), receiver: None }
}

/// A private chat of one login with a nick.
pub fn private(folded: &str, login: &str) -> PortalKey {
    PortalKey { id: folded.to_owned(), receiver: Some(login.to_owned()) }
}

/// A login: one nick of one Matrix user. `~` is in no nick.
pub fn login(nick: &str, owner: &str) -> String {
    format!("{}~{}", nick.to_ascii_lowercase(), owner.trim_start_matches('@'))
}

/// An id for what the network gives none: the `n`th such thing on a login's `link`th connection.
pub fn own(login: &str, link: u64, n: u64) -> String {
    format!("{login}/{link}/{n}")
}

pub fn ghost(folded: &str) -> Sender {
    Sender { ghost: folded.to_owned(), is_me: false, via_login: None }
}

/// The login's own account.
pub fn me(folded: &str, login: &str) -> Sender {
    Sender { ghost: folded.to_owned(), is_me: true, via_login: Some(login.to_owned()) }
}
