//! Whether a message arrived whose answer was lost: Discord remembers a nonce for some minutes, and a channel's history for
//! good.

use causeway_sdk::{Error, MessageRef, Outcome, matrix, time};
use serde_json::Value;

use crate::api::Snowflake;
use crate::call::{Call, Failure};
use crate::client::{LOOK, Session};
use crate::id;
use crate::outbox::Pending;

/// Surely less than Discord remembers a nonce.
const REMEMBERED: u64 = 60_000;
/// How far Discord's clock may be from ours.
const ASKEW: u64 = 30_000;
const PAGE: usize = 100;

impl Session {
    /// What has to be asked before the first call is made again.
    pub fn question(&self, pending: &Pending) -> Option<Call> {
        let call = pending.calls.first()?;
        // What a webhook says has no nonce.
        let is_remembered = call.webhook.is_none() && time::now().saturating_sub(pending.since) < REMEMBERED;
        if !pending.in_doubt || is_remembered {
            return None;
        }
        let after = Snowflake::at(pending.since.saturating_sub(ASKEW));
        Some(Call::get(format!("/channels/{}/messages?after={after}&limit={PAGE}", call.target()?)))
    }

    pub fn ask(&self, place: &str, question: &Call) -> Result<(), Error> {
        self.start_call(&format!("{LOOK} {place}"), question)
    }

    /// The channel's history since the call was made. What of it is the bot's and known to nobody is what the call made.
    pub fn looked(&mut self, place: &str, answer: Result<Value, Failure>) {
        let Some(pending) = self.outbox.get(place).cloned() else { return };
        let page = match answer {
            Ok(Value::Array(page)) => page,
            Ok(_) => Vec::new(),
            Err(failure) => {
                match failure.passes_in() {
                    Some(wait) => {
                        if let Some(pending) = self.outbox.get_mut(place) {
                            (pending.is_sent, pending.not_before) = (false, time::now() + wait);
                        }
                    }
                    None => self.settle(place, Outcome::Unknown(failure.text().to_owned())),
                }
                return self.pump();
            }
        };
        let number = |message: &Value| message["id"].as_str().and_then(|id| id.parse::<Snowflake>().ok());
        let call = pending.calls.first();
        let channel = call.and_then(Call::target).unwrap_or_default();
        let content = call.map(|call| call.body["content"].as_str().unwrap_or_default().trim().to_owned());
        let is_new = |message: &&Value| {
            let id = |value: &Value| value.as_str().and_then(|id| id.parse::<Snowflake>().ok());
            let is_ours = match (call.and_then(|call| call.webhook), id(&message["webhook_id"])) {
                (None, None) => id(&message["author"]["id"]) == Some(self.me.id),
                (Some(_), Some(webhook)) => self.is_of_own_webhook(webhook, id(&message["application_id"])),
                _ => false,
            };
            let is_known = number(message).is_none_or(|number| {
                let this = MessageRef { id: id::message(channel, number), part: None };
                pending.made.contains(&(channel, number)) || matrix::event_of(&this).is_some()
            });
            is_ours && !is_known
        };
        let says_it = |message: &&Value| message["content"].as_str().map(str::trim) == content.as_deref();
        let new: Vec<&Value> = page.iter().filter(is_new).collect();
        // The last page that could hold it is not reached.
        let newest = page.first().and_then(number).unwrap_or_default();
        let is_cut = page.len() >= PAGE && newest.millis() < pending.since + 2 * ASKEW;
        match new.iter().rev().find(|message| says_it(message)) {
            Some(found) => self.done(place, found),
            None if !new.is_empty() || is_cut => {
                let text = "the answer was lost, and Discord's history does not tell";
                self.settle(place, Outcome::Unknown(text.to_owned()));
            }
            None => {
                if let Some(pending) = self.outbox.get_mut(place) {
                    (pending.is_sent, pending.in_doubt, pending.since) = (false, false, 0);
                }
            }
        }
        self.pump();
    }
}
