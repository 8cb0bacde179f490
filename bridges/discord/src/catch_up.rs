//! What was said in a channel while nobody listened, read from its history; and what could not be taken when it was heard.
//!
//! While a channel is catching up, what is heard of new messages in it is left out: the history has them, in order. The last
//! page is asked for once more when something was heard meanwhile.

use std::time::Duration;

use causeway_sdk::{MessageRef, log, matrix, time, timers};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::{Message, Snowflake};
use crate::call::{Call, Failure};
use crate::chats::Channel;
use crate::client::{HISTORY, Session};
use crate::id;

/// As much as Discord answers.
const PAGE: usize = 100;
/// Channels that are asked for at once.
const AT_ONCE: usize = 3;
/// How long one delivery may take for the files of its messages, in milliseconds.
const TURN: u64 = 10_000;
/// How often a file is asked for before its message comes without it.
const TRIES: u32 = 5;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CatchUp {
    /// an answer is to come
    pub is_asked: bool,
    /// something was heard since it was asked
    pub again: bool,
    /// how often the next message could not be taken
    pub tries: u32,
    /// milliseconds since the Unix epoch
    pub not_before: u64,
}

impl Session {
    /// A message that was heard: taken, or left to the history.
    pub fn hear(&mut self, message: Message) {
        let (channel, number) = (message.channel_id, message.id);
        self.ensure_channel(channel, message.guild_id, number, Some(&message.author));
        let Some(row) = self.channels.get(&channel.to_string()) else { return };
        // A number may come behind a higher one, so that alone says nothing.
        let this = MessageRef { id: id::message(channel, number), part: None };
        if number <= row.seen && matrix::event_of(&this).is_some() {
            return;
        }
        if row.catching_up.is_some() {
            return self.change_catch_up(channel, |catch_up| catch_up.again = true);
        }
        match self.bring(message, true) {
            Ok(()) => self.see(channel, number),
            Err(wait) => {
                self.catch_up(channel);
                self.later(channel, wait);
            }
        }
    }

    fn see(&mut self, channel: Snowflake, message: Snowflake) {
        if let Some(row) = self.channels.get_mut(&channel.to_string()) {
            row.seen = row.seen.max(message);
        }
    }

    fn change_catch_up(&mut self, channel: Snowflake, change: impl FnOnce(&mut CatchUp)) {
        let row = self.channels.get_mut(&channel.to_string());
        if let Some(catch_up) = row.and_then(|row| row.catching_up.as_mut()) {
            change(catch_up);
        }
    }

    fn later(&mut self, channel: Snowflake, wait: u64) {
        self.change_catch_up(channel, |catch_up| {
            (catch_up.is_asked, catch_up.not_before) = (false, time::now() + wait);
        });
        timers::set("history", Duration::from_millis(wait));
    }

    /// Asks for what is behind the newest message that was taken.
    pub fn catch_up(&mut self, channel: Snowflake) {
        if let Some(row) = self.channels.get_mut(&channel.to_string()) {
            row.catching_up.get_or_insert_default();
        }
        self.go_on_catching_up();
    }

    /// A new session lists no private chats, so each is asked.
    pub fn catch_up_privately(&mut self) {
        let private = |(key, row): (&str, &Channel)| row.guild.is_none().then(|| key.to_owned());
        let private: Vec<String> = self.channels.iter().filter_map(private).collect();
        for key in private {
            if let Some(row) = self.channels.get_mut(&key) {
                row.catching_up.get_or_insert_default();
            }
        }
        self.go_on_catching_up();
    }

    /// No answer of before will come.
    pub fn forget_histories(&mut self) {
        for key in self.channels.keys() {
            if self.channels.get(&key).is_some_and(|row| row.catching_up.is_some()) {
                self.change_catch_up(key.parse().unwrap_or_default(), |catch_up| catch_up.is_asked = false);
            }
        }
    }

    pub fn go_on_catching_up(&mut self) {
        if !self.is_ready() {
            return;
        }
        let now = time::now();
        let behind = |(key, row): (&str, &Channel)| {
            let catch_up = row.catching_up.as_ref()?;
            Some((key.parse::<Snowflake>().ok()?, row.seen, catch_up.is_asked, catch_up.not_before))
        };
        let behind: Vec<_> = self.channels.iter().filter_map(behind).collect();
        let mut under_way = behind.iter().filter(|(_, _, is_asked, _)| *is_asked).count();
        let mut next: Option<u64> = None;
        for (channel, seen, is_asked, not_before) in behind {
            if is_asked {
                continue;
            }
            if not_before > now {
                next = Some(next.map_or(not_before, |next| next.min(not_before)));
                continue;
            }
            if under_way >= AT_ONCE {
                break;
            }
            let call = Call::get(format!("/channels/{channel}/messages?after={seen}&limit={PAGE}"));
            match self.start_call(&format!("{HISTORY} {channel}"), &call) {
                Ok(()) => {
                    under_way += 1;
                    self.change_catch_up(channel, |catch_up| (catch_up.is_asked, catch_up.again) = (true, false));
                }
                Err(error) => {
                    log::info("history not asked for", &[("error", &error.message)]);
                    next = Some(now + 1000);
                    break;
                }
            }
        }
        if let Some(next) = next {
            timers::set("history", Duration::from_millis(next.saturating_sub(now).max(1)));
        }
    }

    pub fn history_came(&mut self, channel: &str, answer: Result<Value, Failure>) {
        let Ok(channel) = channel.parse::<Snowflake>() else { return };
        match answer.map(|page| if let Value::Array(page) = page { page } else { Vec::new() }) {
            Ok(page) => self.take_page(channel, page),
            Err(failure) => match failure.passes_in() {
                Some(wait) => self.later(channel, wait),
                None => {
                    // It may not be read: what is said there from now on is heard all the same.
                    log::info("history not given", &[("error", failure.text())]);
                    if let Some(row) = self.channels.get_mut(&channel.to_string()) {
                        row.catching_up = None;
                    }
                }
            },
        }
        self.go_on_catching_up();
    }

    fn take_page(&mut self, channel: Snowflake, page: Vec<Value>) {
        let Some((guild, catch_up)) = self.channel(channel).and_then(|row| Some((row.guild, row.catching_up.clone()?)))
        else {
            return;
        };
        let is_full = page.len() >= PAGE;
        let until = time::now() + TURN;
        let mut is_patient = catch_up.tries < TRIES;
        // Newest first.
        for raw in page.into_iter().rev() {
            let number = raw["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default();
            match serde_json::from_value::<Message>(raw) {
                Ok(message) => {
                    let message = Message { guild_id: guild, ..message };
                    if let Err(wait) = self.bring(message, is_patient) {
                        self.change_catch_up(channel, |catch_up| catch_up.tries += 1);
                        return self.later(channel, wait.max(1000 << catch_up.tries.min(TRIES)));
                    }
                }
                Err(error) => log::warn("message of another shape left out", &[("error", &error.to_string())]),
            }
            is_patient = true;
            self.see(channel, number);
            self.change_catch_up(channel, |catch_up| catch_up.tries = 0);
            if time::now() > until {
                return self.later(channel, 10);
            }
        }
        if is_full || self.channel(channel).and_then(|row| row.catching_up.as_ref()).is_some_and(|c| c.again) {
            return self.change_catch_up(channel, |catch_up| catch_up.is_asked = false);
        }
        if let Some(row) = self.channels.get_mut(&channel.to_string()) {
            row.catching_up = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use causeway_sdk::content::Body;
    use causeway_sdk::{Error, ErrorKind, RemoteKind, testing};
    use serde_json::json;

    use super::*;
    use crate::client::connected;

    const QUAY: Snowflake = Snowflake(60);

    fn message(id: u64) -> Value {
        json!({"id": id.to_string(), "channel_id": "60", "content": format!("text {id}"), "type": 0,
            "author": {"id": "11", "username": "wilma"}})
    }

    fn heard(session: &mut Session, id: u64) {
        let mut message: Message = serde_json::from_value(message(id)).unwrap();
        message.guild_id = Some(Snowflake(50));
        session.hear(message);
    }

    fn texts() -> Vec<String> {
        let submitted = testing::with(|host| std::mem::take(&mut host.submitted));
        let parts = submitted.into_iter().filter_map(|event| match event.kind {
            RemoteKind::Message(message) => Some(message.message.parts),
            _ => None,
        });
        let text = |part: causeway_sdk::content::Part| {
            if let Body::Text(text) = part.body { text.body } else { String::new() }
        };
        parts.flatten().map(text).collect()
    }

    fn asked() -> Vec<String> {
        let requests = testing::with(|host| std::mem::take(&mut host.requests));
        requests.into_iter().map(|(_, request)| request.url).filter(|url| url.contains("/messages?")).collect()
    }

    fn page(session: &mut Session, ids: &[u64]) {
        let page: Vec<Value> = ids.iter().rev().map(|id| message(*id)).collect();
        session.history_came("60", Ok(Value::Array(page)));
    }

    #[test]
    fn what_was_missed_comes_before_what_is_heard_and_nothing_twice() {
        let mut session = connected();
        heard(&mut session, 100);
        session.catch_up(QUAY);
        assert_eq!(asked(), ["http://api/channels/60/messages?after=100&limit=100"]);
        heard(&mut session, 103);
        page(&mut session, &[101, 102]);
        assert_eq!(texts(), ["text 100", "text 101", "text 102"]);
        assert_eq!(asked(), ["http://api/channels/60/messages?after=102&limit=100"], "something was heard meanwhile");
        page(&mut session, &[103]);
        testing::with(|host| host.events.insert("60:103".into(), "$e".into()));
        heard(&mut session, 103);
        heard(&mut session, 104);
        assert_eq!((texts(), asked()), (vec!["text 103".to_owned(), "text 104".to_owned()], Vec::new()));
    }

    #[test]
    fn full_pages_are_followed_by_others() {
        let mut session = connected();
        session.catch_up(QUAY);
        asked();
        let ids: Vec<u64> = (1..=100).collect();
        page(&mut session, &ids);
        assert_eq!(asked(), ["http://api/channels/60/messages?after=100&limit=100"]);
        page(&mut session, &[]);
        assert_eq!(session.channel(QUAY).unwrap().catching_up, None);
        assert_eq!(texts().len(), 100);
    }

    #[test]
    fn a_history_that_can_not_be_had_now_is_asked_for_again_and_one_that_may_not_be_read_is_left() {
        let mut session = connected();
        session.catch_up(QUAY);
        asked();
        session.history_came("60", Err(Failure::Host(Error::new(ErrorKind::Network, "away"))));
        assert!(testing::with(|host| host.timers.contains_key("history")));
        session.history_came("60", Err(Failure::Api(crate::call::ApiError { status: 403, ..Default::default() })));
        heard(&mut session, 7);
        assert_eq!(texts(), ["text 7"]);
    }
}
