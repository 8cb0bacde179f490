//! Updates, by what they tell.

mod members;
mod message;
mod reaction;
mod service;

use causeway_sdk::{log, time};
use serde_json::Value;

use crate::api::Update;
use crate::call::Failure;
use crate::client::Session;

/// How long one delivery may take for the files of its updates, in milliseconds; the rest comes again with the next poll.
const TURN: u64 = 10_000;
/// How often a file is asked for before its message comes without it.
const TRIES: u32 = 5;

impl Session {
    /// Takes updates in order. The offset stands behind the last one that was taken, and is committed with what they told.
    ///
    /// # Errors
    /// The next one can't be taken now: try again in so many milliseconds.
    pub fn take(&mut self, updates: Vec<Value>) -> Result<(), u64> {
        let until = time::now() + TURN;
        for raw in updates {
            let Some(number) = raw["update_id"].as_i64() else {
                log::warn("update without a number", &[]);
                continue;
            };
            match serde_json::from_value::<Update>(raw) {
                Ok(update) => {
                    let tries = self.poll.stuck.filter(|(stuck, _)| *stuck == number).map_or(0, |(_, tries)| tries);
                    if let Err(failure) = self.on_update(number, update, tries < TRIES) {
                        self.poll.stuck = Some((number, tries + 1));
                        log::info("file not there yet", &[("error", failure.text())]);
                        return Err(failure.passes_in().unwrap_or(0).max(1000 << tries));
                    }
                }
                // A shape that nobody has described: it must not hold up what follows.
                Err(error) => log::warn("update of another shape left out", &[("error", &error.to_string())]),
            }
            self.poll.offset = number + 1;
            self.poll.stuck = None;
            if time::now() > until {
                break;
            }
        }
        Ok(())
    }

    /// `is_patient`: a file that can't be had now is worth another try.
    fn on_update(&mut self, number: i64, update: Update, is_patient: bool) -> Result<(), Failure> {
        if let Some(message) = update.message.or(update.channel_post) {
            self.on_message(message, is_patient)
        } else if let Some(message) = update.edited_message.or(update.edited_channel_post) {
            self.on_edit(message, is_patient)
        } else {
            if let Some(reaction) = update.message_reaction {
                self.on_reaction(&reaction);
            } else if let Some(change) = update.my_chat_member {
                self.on_own_membership(number, &change);
            } else if let Some(change) = update.chat_member {
                self.on_membership(&change);
            }
            Ok(())
        }
    }
}
