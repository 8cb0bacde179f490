//! Typing, as Telegram shows it: for a few seconds, so that it is said again while it lasts.

use std::time::Duration;

use causeway_sdk::timers;
use serde_json::json;

use crate::call::Call;
use crate::client::Session;

/// Telegram forgets it after five seconds.
const AGAIN: Duration = Duration::from_millis(4500);
/// More than Matrix shows it without a word.
const MOST: u32 = 30;

impl Session {
    pub fn set_typing(&mut self, chat: i64, topic: Option<i64>, is_typing: bool) {
        if !is_typing {
            self.typing.remove(&(chat, topic));
            return;
        }
        self.typing.insert((chat, topic), 0);
        self.show_typing(chat, topic);
        timers::set("typing", AGAIN);
    }

    /// Said again where it goes on.
    pub fn repeat_typing(&mut self) {
        self.typing.retain(|_, times| {
            *times += 1;
            *times < MOST
        });
        let places: Vec<_> = self.typing.keys().copied().collect();
        for (chat, topic) in &places {
            self.show_typing(*chat, *topic);
        }
        if !places.is_empty() {
            timers::set("typing", AGAIN);
        }
    }

    /// Whether it was shown is of no interest.
    fn show_typing(&mut self, chat: i64, topic: Option<i64>) {
        if !self.link.is_connected {
            return;
        }
        let mut parameters = json!({"chat_id": chat, "action": "typing"});
        if let Some(topic) = topic {
            parameters["message_thread_id"] = topic.into();
        }
        self.hint("typing", &Call::new("sendChatAction", parameters));
    }
}
