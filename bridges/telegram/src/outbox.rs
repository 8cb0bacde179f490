//! What Matrix users did, on its way to Telegram: one call at a time for each chat, in order.
//!
//! ```text
//!  handle_matrix ─▶ Queued ─(commit, the chat is free)─▶ Sent ─(answer)─▶ next call, or settled
//!                     ▲                                   │
//!                     ├── 429, no connection came about ──┤
//!                     └── answers nothing new could spoil ┤ the answer is lost
//!                                                         ▼
//!                                        settled as «may not have arrived»
//! ```
//!
//! A call is in a row as sent before it leaves. Telegram has no name by which a message could be asked for again, so one
//! whose answer was lost (with the hub, or on the way) is never repeated in silence; edits, deletions and reactions are,
//! since that changes nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use causeway_sdk::http;
use causeway_sdk::matrix_in::SentPart;
use causeway_sdk::{Error, ErrorKind, Outcome, log, matrix, time, timers};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::{Call, Failure};
use crate::client::Session;
use crate::{id, login};

/// Calls under way at once, of all chats; the host allows some more, and one of them is the poll.
const AT_ONCE: usize = 8;
/// Of them with files, each of which the host holds whole.
const FILES_AT_ONCE: usize = 2;
const LAST_PAUSE: u64 = 60_000;
/// What Telegram says of pictures that it takes as files only.
const NO_PHOTO: [&str; 3] = ["PHOTO_INVALID_DIMENSIONS", "IMAGE_PROCESS_FAILED", "PHOTO_EXT_INVALID"];
const LOST: &str = "the bridge stopped before Telegram had answered";

/// A Matrix event that is not settled yet. Its key is its place, so the table is the queue.
#[derive(Serialize, Deserialize)]
pub struct Pending {
    pub txn: String,
    /// as it was when it came; a group may have moved meanwhile
    pub chat: i64,
    pub calls: Vec<Call>,
    /// what the calls so far have made
    pub made: Vec<i64>,
    /// kept with the message, for what is about it later
    pub metadata: Metadata,
    pub is_sent: bool,
    /// milliseconds since the Unix epoch
    pub not_before: u64,
    pub tries: u32,
}

/// What is kept with a message of ours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// numbers of all messages that it became
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<i64>,
    /// the file's `mxc://` URI, where it is one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// its text stands as the file's caption
    #[serde(default)]
    pub is_caption: bool,
    /// that it is in
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<i64>,
}

impl Call {
    /// Whether doing it twice is as good as once.
    fn is_repeatable(&self) -> bool {
        !self.method.starts_with("send")
    }
}

impl Session {
    /// Takes the calls of a Matrix event into the queue and makes what may go now.
    pub fn enqueue(&mut self, txn: &str, chat: i64, calls: Vec<Call>, metadata: Metadata) -> Outcome {
        *self.place += 1;
        let pending = Pending {
            txn: txn.to_owned(),
            chat,
            calls,
            made: Vec::new(),
            metadata,
            is_sent: false,
            not_before: 0,
            tries: 0,
        };
        self.outbox.insert(&format!("{:012x}", *self.place), pending);
        self.pump();
        Outcome::Pending
    }

    /// Whether an event that is offered again is in the queue.
    pub fn is_queued(&self, txn: &str) -> bool {
        self.outbox.iter().any(|(_, pending)| pending.txn == txn)
    }

    /// Makes the calls that may be made now.
    pub fn pump(&mut self) {
        if !self.link.is_connected {
            return;
        }
        let now = time::now();
        let mut busy: BTreeSet<i64> =
            self.outbox.iter().filter(|(_, p)| p.is_sent).map(|(_, pending)| pending.chat).collect();
        let mut under_way = busy.len();
        let carries = |pending: &Pending| pending.calls.first().is_some_and(|call| call.file.is_some());
        let mut files = self.outbox.iter().filter(|(_, pending)| pending.is_sent && carries(pending)).count();
        let mut next: Option<u64> = None;
        for place in self.outbox.keys() {
            let Some(pending) = self.outbox.get(&place) else { continue };
            // What comes later in a chat waits, whatever it is.
            if pending.is_sent || !busy.insert(pending.chat) {
                continue;
            }
            if pending.not_before > now {
                let wait = pending.not_before - now;
                next = Some(next.map_or(wait, |next| next.min(wait)));
                continue;
            }
            if under_way >= AT_ONCE {
                break;
            }
            if carries(pending) {
                if files >= FILES_AT_ONCE {
                    continue;
                }
                files += 1;
            }
            under_way += 1;
            self.start(&place);
        }
        if let Some(wait) = next {
            timers::set("outbox", Duration::from_millis(wait));
        }
    }

    fn start(&mut self, place: &str) {
        let Some(pending) = self.outbox.get_mut(place) else { return };
        let Some(call) = pending.calls.first() else { return };
        let token = format!("{} {}", self.link.number, Self::send_token(place));
        match http::start(&token, &call.request(&self.config.api_base, &login::token())) {
            Ok(()) => pending.is_sent = true,
            Err(error) if error.kind == ErrorKind::Quota => {
                pending.not_before = time::now() + 1000;
                timers::set("outbox", Duration::from_secs(1));
            }
            Err(error) => self.settle(place, Outcome::Failed(error)),
        }
    }

    /// The answer to the call at this place.
    pub fn sent(&mut self, place: &str, answer: Result<Value, Failure>) {
        match answer {
            Ok(result) => self.done(place, &result),
            Err(failure) => self.failed(place, failure),
        }
        self.pump();
    }

    fn done(&mut self, place: &str, result: &Value) {
        let Some(pending) = self.outbox.get_mut(place) else { return };
        pending.is_sent = false;
        pending.tries = 0;
        let call = pending.calls.remove(0);
        if call.method.starts_with("send")
            && let Some(number) = result["message_id"].as_i64()
        {
            pending.made.push(number);
        }
        if pending.calls.is_empty() {
            self.arrived(place);
        }
    }

    fn arrived(&mut self, place: &str) {
        let Some(pending) = self.outbox.get(place) else { return };
        let metadata = Metadata { numbers: pending.made.clone(), ..pending.metadata.clone() };
        let metadata = serde_json::to_string(&metadata).ok();
        let part = |(index, number): (usize, &i64)| SentPart {
            // The first stands for the whole.
            part: if index == 0 { String::new() } else { index.to_string() },
            id: id::message(pending.chat, *number),
            at: None,
            order: *number,
            metadata: metadata.clone(),
        };
        let parts: Vec<SentPart> = pending.made.iter().enumerate().map(part).collect();
        self.settle(place, if parts.is_empty() { Outcome::Done } else { Outcome::Sent(parts) });
    }

    fn failed(&mut self, place: &str, failure: Failure) {
        let Some(pending) = self.outbox.get_mut(place) else { return };
        let Some(call) = pending.calls.first_mut() else { return };
        pending.is_sent = false;
        if let Failure::Api(error) = &failure {
            if let Some(new) = error.parameters.migrate_to_chat_id {
                let (old, is_new) = (pending.chat, call.parameters.get("message_id").is_none());
                if is_new {
                    pending.chat = new;
                    for call in &mut pending.calls {
                        call.parameters.insert("chat_id".to_owned(), new.into());
                        // What it answers has another number there.
                        call.parameters.remove("reply_parameters");
                    }
                } else {
                    let text = "the message is of the time before the group became a supergroup";
                    self.settle(place, Outcome::Failed(Error::new(ErrorKind::NotFound, text)));
                }
                return self.move_chat(old, new);
            }
            let is_as_wanted = error.description.contains("message is not modified")
                || call.method.starts_with("delete") && error.description.contains("message to delete not found");
            if is_as_wanted {
                pending.calls.remove(0);
                if pending.calls.is_empty() {
                    self.arrived(place);
                }
                return;
            }
        }
        if let Failure::Api(error) = &failure
            && NO_PHOTO.iter().any(|words| error.description.contains(words))
            && let Some(file) = call.file.as_mut().filter(|file| file.field == "photo")
        {
            call.method = "sendDocument".to_owned();
            call.parameters.remove("has_spoiler");
            file.field = "document".to_owned();
            return;
        }
        // Telegram has refused it, or it never left: it is certainly not there.
        let is_untouched = match &failure {
            Failure::Api(error) => error.code == 429,
            Failure::Host(error) => error.retry_after_ms.is_some(),
        };
        match failure.passes_in() {
            Some(wait) if is_untouched || call.is_repeatable() => {
                pending.tries += 1;
                let pause = match &failure {
                    Failure::Api(error) if error.code == 429 => wait,
                    _ => (wait << pending.tries.min(6)).min(LAST_PAUSE),
                };
                pending.not_before = time::now() + pause;
            }
            Some(_) => {
                let reason = failure.text().to_owned();
                self.settle(place, Outcome::Unknown(reason));
            }
            None => {
                let error = told(&failure, !pending.made.is_empty());
                self.settle(place, Outcome::Failed(error));
            }
        }
    }

    fn settle(&mut self, place: &str, outcome: Outcome) {
        let Some(pending) = self.outbox.remove(place) else { return };
        if let Err(error) = matrix::settle(&pending.txn, &outcome) {
            log::warn("settle not taken", &[("txn", &pending.txn), ("error", &error.message)]);
        }
    }

    /// No answer will come to what was sent: of that nobody knows whether it arrived.
    pub fn give_up_sent(&mut self) {
        for place in self.outbox.keys() {
            let Some(pending) = self.outbox.get_mut(&place).filter(|pending| pending.is_sent) else { continue };
            if pending.calls.first().is_some_and(Call::is_repeatable) {
                pending.is_sent = false;
            } else {
                self.settle(&place, Outcome::Unknown(LOST.to_owned()));
            }
        }
    }

    /// Nothing can be sent with this token.
    pub fn refuse_outbox(&mut self) {
        for place in self.outbox.keys() {
            let text = "Telegram does not take the bot's token any more; log in again";
            self.settle(&place, Outcome::Failed(Error::new(ErrorKind::BadCredentials, text)));
        }
    }
}

/// A refusal in words for who wrote it.
fn told(failure: &Failure, is_partial: bool) -> Error {
    let (kind, text) = match failure {
        Failure::Host(error) => (error.kind, error.message.clone()),
        Failure::Api(error) => {
            let kind = match error.code {
                403 => ErrorKind::Forbidden,
                404 => ErrorKind::NotFound,
                413 => ErrorKind::TooLarge,
                _ => ErrorKind::BadRequest,
            };
            let text = match error.description.as_str() {
                "Forbidden: bot was blocked by the user" => "they have blocked the bot".to_owned(),
                "Forbidden: bot can't initiate conversation with a user" => {
                    "a bot can't write first; they have to write to it".to_owned()
                }
                "Bad Request: REACTION_INVALID" => "Telegram has no such reaction".to_owned(),
                "Request Entity Too Large" => "Telegram takes files of at most 50 MB from a bot".to_owned(),
                text => format!("Telegram says: {text}"),
            };
            (kind, text)
        }
    };
    Error::new(kind, if is_partial { format!("only its beginning arrived: {text}") } else { text })
}

#[cfg(test)]
mod tests {
    use causeway_sdk::testing;
    use serde_json::json;

    use super::*;
    use crate::client::connected;

    fn say(session: &mut Session, txn: &str, chat: i64) {
        let call = Call::new("sendMessage", json!({"chat_id": chat, "text": txn}));
        assert!(matches!(session.enqueue(txn, chat, vec![call], Metadata::default()), Outcome::Pending));
    }

    /// The tokens of the requests begun since the last look.
    fn begun() -> Vec<String> {
        testing::with(|host| std::mem::take(&mut host.requests)).into_iter().map(|(token, _)| token).collect()
    }

    fn settled() -> Vec<String> {
        testing::with(|host| std::mem::take(&mut host.settled))
            .into_iter()
            .map(|(txn, outcome)| {
                let word = match outcome {
                    Outcome::Sent(parts) => format!("sent as {}", parts[0].id),
                    Outcome::Unknown(_) => "unknown".to_owned(),
                    other => format!("{other:?}"),
                };
                format!("{txn} {word}")
            })
            .collect()
    }

    #[test]
    fn each_chat_has_one_call_under_way() {
        let mut session = connected();
        say(&mut session, "a1", -1);
        say(&mut session, "a2", -1);
        say(&mut session, "b1", -2);
        assert_eq!(begun(), ["0 send 000000000001", "0 send 000000000003"]);
        session.sent("000000000001", Ok(json!({"message_id": 50})));
        assert_eq!((begun(), settled()), (vec!["0 send 000000000002".to_owned()], vec!["a1 sent as -1:50".to_owned()]));
    }

    #[test]
    fn after_a_restart_what_was_under_way_is_unknown_and_what_waited_goes_on() {
        let mut session = connected();
        say(&mut session, "a1", -1);
        say(&mut session, "a2", -1);
        session.save();
        begun();
        assert!(session.connect().is_ok());
        assert_eq!(settled(), ["a1 unknown"]);
        begun();
        session.link.is_connected = true;
        session.pump();
        assert_eq!(begun(), ["1 send 000000000002"]);
    }

    #[test]
    fn a_flood_holds_its_chat_and_no_other() {
        let mut session = connected();
        say(&mut session, "a1", -1);
        say(&mut session, "a2", -1);
        begun();
        let flood = json!({"ok": false, "error_code": 429, "description": "x", "parameters": {"retry_after": 9}});
        let error = serde_json::from_value(flood).expect("an error");
        session.sent("000000000001", Err(Failure::Api(error)));
        say(&mut session, "b1", -2);
        assert_eq!((begun(), settled()), (vec!["0 send 000000000003".to_owned()], Vec::new()));
        let wait = testing::with(|host| host.timers["outbox"]);
        assert!((8_000..=9_000).contains(&wait), "{wait}");
    }

    #[test]
    fn what_never_left_waits_and_what_nobody_knows_is_told() {
        let mut session = connected();
        let failed =
            |retry_after_ms| Failure::Host(Error { kind: ErrorKind::Network, message: "cut".into(), retry_after_ms });
        say(&mut session, "a1", -1);
        session.sent("000000000001", Err(failed(Some(1000))));
        assert!(session.is_queued("a1") && settled().is_empty());
        say(&mut session, "b1", -2);
        session.sent("000000000002", Err(failed(None)));
        assert_eq!(settled(), ["b1 unknown"]);
    }
}
