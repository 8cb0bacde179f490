//! Those who quit but may be back: after a netsplit, or for as long as `quit_debounce` says. Their ghosts stay in the
//! rooms meanwhile; a JOIN in time leaves no trace.

use std::time::Duration;

use causeway_sdk::remote::Membership;
use causeway_sdk::timers;
use serde::{Deserialize, Serialize};

use crate::client::Session;
use crate::message::Message;
use crate::time;

/// How long a part of the network may be away.
const SPLIT: Duration = Duration::from_secs(600);

/// A leave that is held back; its key is channel and folded nick.
#[derive(Serialize, Deserialize)]
pub struct Held {
    pub nick: String,
    /// milliseconds since the Unix epoch
    pub until: u64,
}

/// Whether a QUIT's reason is that of a netsplit: two server names.
pub fn is_split_reason(reason: &str) -> bool {
    let is_server = |name: &str| {
        let labels: Vec<&str> = name.split('.').collect();
        let is_label = |l: &&str| !l.is_empty() && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '*');
        labels.len() > 1 && labels.iter().all(is_label)
    };
    matches!(reason.split_once(' '), Some((a, b)) if a != b && is_server(a) && is_server(b))
}

impl Session {
    /// How long the leave of somebody who quit is held back.
    pub fn hold_for(&self, is_split: bool) -> Option<Duration> {
        let hold = if is_split { SPLIT } else { Duration::from_secs(self.config.quit_debounce) };
        (!hold.is_zero()).then_some(hold)
    }

    pub fn hold(&mut self, channel: &str, nick: &str, hold: Duration) {
        let until = time::now() + hold.as_millis() as u64;
        let key = format!("{channel} {}", self.fold(nick));
        self.held.insert(&key, Held { nick: nick.to_owned(), until });
        self.wake_for_held();
    }

    /// They are back; answers whether their leave was held.
    pub fn unhold(&mut self, channel: &str, nick: &str) -> bool {
        let key = format!("{channel} {}", self.fold(nick));
        self.held.remove(&key).is_some()
    }

    /// The list of names of a channel is complete, and with it who is still there.
    pub fn unhold_channel(&mut self, channel: &str) {
        let prefix = format!("{channel} ");
        for key in self.held.keys().into_iter().filter(|key| key.starts_with(&prefix)) {
            self.held.remove(&key);
        }
    }

    /// Lets those go whose time is over.
    pub fn release_held(&mut self) {
        let now = time::now();
        let due: Vec<String> =
            self.held.iter().filter(|(_, h)| h.until <= now).map(|(key, _)| key.to_owned()).collect();
        for key in due {
            let (Some(held), Some((channel, _))) = (self.held.remove(&key), key.split_once(' ')) else { continue };
            let member = self.member(&held.nick, Membership::Leave, None);
            self.submit_members(&Message::default(), channel, member.who.clone(), vec![member]);
        }
        self.wake_for_held();
    }

    fn wake_for_held(&self) {
        if let Some(until) = self.held.iter().map(|(_, held)| held.until).min() {
            timers::set_durable("held", Duration::from_millis(until.saturating_sub(time::now()).max(1)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_server_names_are_a_split_and_words_are_not() {
        for reason in ["a.example.org b.example.org", "*.net *.split"] {
            assert!(is_split_reason(reason), "{reason}");
        }
        for reason in
            ["bye all", "a.example.org", "see a.example now", "a.b a.b", "...  ...", "Ping timeout: 240 seconds"]
        {
            assert!(!is_split_reason(reason), "{reason}");
        }
    }
}
