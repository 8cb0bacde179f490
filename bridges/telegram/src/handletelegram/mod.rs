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

#[cfg(test)]
mod tests {
    use causeway_sdk::content::Body;
    use causeway_sdk::{Error, ErrorKind, RemoteKind, testing};
    use serde_json::json;

    use super::*;
    use crate::client::connected;

    fn update(number: i64, message: Value) -> Value {
        let mut message = message;
        message["message_id"] = number.into();
        message["date"] = 1.into();
        message["chat"] = json!({"id": -1005, "type": "supergroup", "title": "Harbor"});
        message["from"] = json!({"id": 11, "is_bot": false, "first_name": "Wilma"});
        json!({"update_id": number, "message": message})
    }

    /// The texts submitted since the last look.
    fn texts() -> Vec<String> {
        let submitted = testing::with(|host| std::mem::take(&mut host.submitted));
        let said = |kind| if let RemoteKind::Message(message) = kind { Some(message.message.parts) } else { None };
        let parts = submitted.into_iter().filter_map(|event| said(event.kind)).flatten();
        parts
            .map(|part| match part.body {
                Body::Text(text) => text.body,
                Body::Media(media) => media.uri,
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_file_that_can_not_be_had_holds_up_what_follows_but_not_for_ever() {
        let mut session = connected();
        let photo = json!({"photo": [{"file_id": "f", "file_unique_id": "u"}]});
        let updates =
            || vec![update(4, json!({"text": "one"})), update(5, photo.clone()), update(6, json!({"text": "two"}))];
        let away = || Err(Error::new(ErrorKind::Network, "the request failed"));
        testing::with(|host| host.answers.push_back(away()));
        assert!(session.take(updates()).is_err());
        assert_eq!((session.poll.offset, texts()), (5, vec!["one".to_owned()]));
        for _ in 1..TRIES {
            testing::with(|host| host.answers.push_back(away()));
            assert!(session.take(updates()[1..].to_vec()).is_err());
            assert_eq!((session.poll.offset, texts()), (5, Vec::new()));
        }
        testing::with(|host| host.answers.push_back(away()));
        assert!(session.take(updates()[1..].to_vec()).is_ok());
        let said = texts();
        assert!(said[0].starts_with("photo.jpg (image/jpeg) is on Telegram only: the request failed"), "{said:?}");
        assert_eq!((said[1].as_str(), session.poll.offset), ("two", 7));
    }

    #[test]
    fn an_update_of_an_unknown_shape_holds_up_nothing() {
        let mut session = connected();
        let strange = json!({"update_id": 8, "message": {"message_id": "eight"}});
        assert!(session.take(vec![strange, update(9, json!({"text": "after it"}))]).is_ok());
        assert_eq!((session.poll.offset, texts()), (10, vec!["after it".to_owned()]));
    }
}
