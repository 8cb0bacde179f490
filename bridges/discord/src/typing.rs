//! Typing, as Discord shows it: for ten seconds, so that it is said again while it lasts.

use std::time::Duration;

use causeway_sdk::timers;
use serde_json::json;

use crate::api::Snowflake;
use crate::call::Call;
use crate::client::Session;

const AGAIN: Duration = Duration::from_millis(9000);
/// More than Matrix shows it without a word.
const MOST: u32 = 15;

impl Session {
    pub fn set_typing(&mut self, channel: Snowflake, is_typing: bool) {
        if !is_typing {
            self.typing.remove(&channel);
            return;
        }
        self.typing.insert(channel, 0);
        self.show_typing(channel);
        timers::set("typing", AGAIN);
    }

    /// Said again where it goes on.
    pub fn repeat_typing(&mut self) {
        self.typing.retain(|_, times| {
            *times += 1;
            *times < MOST
        });
        let channels: Vec<_> = self.typing.keys().copied().collect();
        for channel in &channels {
            self.show_typing(*channel);
        }
        if !channels.is_empty() {
            timers::set("typing", AGAIN);
        }
    }

    /// Whether it was shown is of no interest.
    fn show_typing(&mut self, channel: Snowflake) {
        if self.is_ready() {
            self.hint("typing", &Call::new("POST", format!("/channels/{channel}/typing"), json!({})));
        }
    }
}
