//! What Matrix users did, on its way to Discord: one call at a time for each channel, in order.
//!
//! ```text
//!  handle_matrix ─▶ Queued ─(commit, the channel is free)─▶ Sent ─(answer)─▶ next call, or settled
//!                     ▲                                      │
//!                     ├── limits, no connection came about ──┤
//!                     └── in doubt ◀── the answer is lost ───┘
//! ```
//!
//! A call is in a row as sent before it leaves. What makes a message carries a nonce of its own, under which Discord makes
//! one only once for some minutes; after that the channel's history says whether it arrived (`doubt`). So it gets there once,
//! whatever died. Everything else changes nothing when it is done twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use causeway_sdk::matrix_in::SentPart;
use causeway_sdk::{Error, ErrorKind, MessageRef, Outcome, log, matrix, time, timers};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::Snowflake;
use crate::call::{Call, Failure, message_path};
use crate::client::{SEND, Session};
use crate::id;
use crate::refusal::{THREAD_EXISTS, UNKNOWN_EMOJI, UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK, WRONG_WEBHOOK_TOKEN, told};

/// Calls under way at once, of all channels; the host allows some more.
const AT_ONCE: usize = 8;
/// Of them with files, each of which the host holds whole.
const FILES_AT_ONCE: usize = 2;
const LAST_PAUSE: u64 = 60_000;
/// How long a call without an answer may still be on its way, in milliseconds.
const SETTLING: u64 = 3_000;

/// How many webhooks are tried for one message.
const MOST_WEBHOOKS: u32 = 3;

/// A Matrix event that is not settled yet. Its key is its place, so the table is the queue.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    pub txn: String,
    /// whose order it keeps: that of the room, which its threads share
    pub channel: Snowflake,
    pub calls: Vec<Call>,
    /// what the calls so far have made, and where
    pub made: Vec<(Snowflake, Snowflake)>,
    /// kept with the message, for what is about it later
    pub metadata: Metadata,
    pub is_sent: bool,
    /// when the first call was first made, in milliseconds since the Unix epoch; 0: it was not
    pub since: u64,
    /// it was made, and nobody knows what became of it
    pub in_doubt: bool,
    /// milliseconds since the Unix epoch
    pub not_before: u64,
    pub tries: u32,
}

/// What is kept with a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// of one of ours: all messages that it became
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<Snowflake>,
    /// the channel whose webhook has said it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Snowflake>,
    /// the URI of the file that it is
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// of one of theirs: its parts
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// `mxc://` URIs of its files, by Discord's ids
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    pub has_caption: bool,
}

pub fn metadata_of(target: &MessageRef) -> Metadata {
    matrix::message_metadata(target).and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default()
}

impl Call {
    /// Whether it makes a message; doing anything else twice is as good as once.
    pub fn makes_message(&self) -> bool {
        let is_of_bot = self.webhook.is_none() && self.path.ends_with("/messages");
        self.method == "POST" && (is_of_bot || self.webhook.is_some() && self.path.starts_with('?'))
    }

    /// The channel of a message that it makes.
    pub fn target(&self) -> Option<Snowflake> {
        match self.webhook {
            None => self.path.strip_prefix("/channels/")?.strip_suffix("/messages")?.parse().ok(),
            Some(own) => match self.path.split_once("thread_id=") {
                Some((_, thread)) => thread.parse().ok(),
                None => Some(own),
            },
        }
    }
}

impl Session {
    /// Takes the calls of a Matrix event into the queue and makes what may go now.
    pub fn enqueue(&mut self, txn: &str, channel: Snowflake, mut calls: Vec<Call>, metadata: Metadata) -> Outcome {
        *self.place += 1;
        let place = *self.place;
        let is_of_bot = |(_, call): &(usize, &mut Call)| call.makes_message() && call.webhook.is_none();
        for (number, call) in calls.iter_mut().enumerate().filter(is_of_bot) {
            // At most 25 characters. Places begin anew with a login, hence the time.
            call.body["nonce"] = format!("{:x}.{place:x}.{number:x}", time::now()).into();
            call.body["enforce_nonce"] = json!(true);
        }
        let pending = Pending {
            txn: txn.to_owned(),
            channel,
            calls,
            made: Vec::new(),
            metadata,
            is_sent: false,
            since: 0,
            in_doubt: false,
            not_before: 0,
            tries: 0,
        };
        self.outbox.insert(&format!("{place:012x}"), pending);
        self.pump();
        Outcome::Pending
    }

    /// Whether an event that is offered again is in the queue.
    pub fn is_queued(&self, txn: &str) -> bool {
        self.outbox.iter().any(|(_, pending)| pending.txn == txn)
    }

    /// Whether the deletion of a message is on its way.
    pub fn is_deleting(&self, channel: Snowflake, message: Snowflake) -> bool {
        let (by_bot, by_webhook) = (message_path(channel, message), format!("/messages/{message}"));
        let deletes = |call: &Call| {
            let path = call.path.split('?').next().unwrap_or_default();
            call.method == "DELETE" && path == if call.webhook.is_some() { &by_webhook } else { &by_bot }
        };
        self.outbox.iter().any(|(_, pending)| pending.calls.iter().any(deletes))
    }

    /// Makes the calls that may be made now.
    pub fn pump(&mut self) {
        if !self.is_ready() {
            return;
        }
        let now = time::now();
        let mut busy: BTreeSet<Snowflake> =
            self.outbox.iter().filter(|(_, p)| p.is_sent).map(|(_, pending)| pending.channel).collect();
        let mut under_way = busy.len();
        let carries = |pending: &Pending| pending.calls.first().is_some_and(|call| call.file.is_some());
        let mut files = self.outbox.iter().filter(|(_, pending)| pending.is_sent && carries(pending)).count();
        let mut next: Option<u64> = None;
        for place in self.outbox.keys() {
            let Some(pending) = self.outbox.get(&place) else { continue };
            // What comes later in a channel waits, whatever it is.
            if pending.is_sent || !busy.insert(pending.channel) {
                continue;
            }
            let limit = pending.calls.first().map_or(0, |call| self.limits.free_at(&call.route(), now));
            let free_at = pending.not_before.max(limit);
            if free_at > now {
                let wait = free_at - now;
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
        let question = self.outbox.get(place).and_then(|pending| self.question(pending));
        let started = match question {
            Some(question) => self.ask(place, &question),
            None => {
                self.prepare(place);
                let Some(call) = self.outbox.get(place).and_then(|pending| pending.calls.first()) else { return };
                match self.by_webhook(call) {
                    Some(call) => self.start_call(&format!("{SEND} {place}"), &call),
                    None => Err(Error::new(ErrorKind::NotFound, "the webhook that said it is gone")),
                }
            }
        };
        match started {
            Ok(()) => {
                if let Some(pending) = self.outbox.get_mut(place) {
                    pending.is_sent = true;
                    if pending.since == 0 {
                        pending.since = time::now();
                    }
                }
            }
            Err(error) if error.kind == ErrorKind::Quota => {
                if let Some(pending) = self.outbox.get_mut(place) {
                    pending.not_before = time::now() + 1000;
                }
                timers::set("outbox", Duration::from_secs(1));
            }
            Err(error) => self.settle(place, Outcome::Failed(error)),
        }
    }

    /// The answer to the call at this place.
    pub fn sent(&mut self, place: &str, answer: Result<Value, Failure>) {
        match answer {
            Ok(result) => self.done(place, &result),
            Err(failure) => self.failed(place, &failure),
        }
        self.pump();
    }

    /// The first call is done; `result` is what it made.
    pub fn done(&mut self, place: &str, result: &Value) {
        if self.webhook_came(place, result) {
            return;
        }
        let Some(pending) = self.outbox.get_mut(place) else { return };
        (pending.is_sent, pending.in_doubt, pending.since, pending.tries) = (false, false, 0, 0);
        let call = pending.calls.remove(0);
        let number = result["id"].as_str().and_then(|id| id.parse().ok());
        if let (true, Some(channel), Some(number)) = (call.makes_message(), call.target(), number) {
            pending.made.push((channel, number));
        }
        if pending.calls.is_empty() {
            self.arrived(place);
        }
    }

    fn arrived(&mut self, place: &str) {
        let Some(pending) = self.outbox.get(place) else { return };
        let numbers = pending.made.iter().map(|(_, number)| *number).collect();
        let metadata = serde_json::to_string(&Metadata { numbers, ..pending.metadata.clone() }).ok();
        let part = |(index, (channel, number)): (usize, &(Snowflake, Snowflake))| SentPart {
            // The first stands for the whole.
            part: if index == 0 { String::new() } else { index.to_string() },
            id: id::message(*channel, *number),
            at: Some(number.millis()),
            order: number.order(),
            metadata: metadata.clone(),
        };
        let parts: Vec<SentPart> = pending.made.iter().enumerate().map(part).collect();
        self.settle(place, if parts.is_empty() { Outcome::Done } else { Outcome::Sent(parts) });
    }

    fn failed(&mut self, place: &str, failure: &Failure) {
        let now = time::now();
        let Some(pending) = self.outbox.get_mut(place) else { return };
        pending.is_sent = false;
        if failure.passes_in().is_none() && self.deny_webhook(place) {
            return;
        }
        let Some(pending) = self.outbox.get_mut(place) else { return };
        let Some(call) = pending.calls.first_mut() else { return };
        if let (UNKNOWN_WEBHOOK | WRONG_WEBHOOK_TOKEN, Some(channel)) = (failure.code(), call.webhook)
            && call.makes_message()
            && pending.tries < MOST_WEBHOOKS
        {
            pending.tries += 1;
            return self.forget_webhook(channel);
        }
        let is_as_wanted = match failure.code() {
            UNKNOWN_MESSAGE => call.method == "DELETE",
            THREAD_EXISTS => true,
            _ => false,
        };
        if is_as_wanted {
            return self.done(place, &Value::Null);
        }
        // Clients add the mark that an emoji is a picture, where Discord has it without.
        if failure.code() == UNKNOWN_EMOJI && call.path.contains("%EF%B8%8F") {
            call.path = call.path.replace("%EF%B8%8F", "");
            return;
        }
        let Some(wait) = failure.passes_in() else {
            let error = told(failure, !pending.made.is_empty());
            return self.settle(place, Outcome::Failed(error));
        };
        pending.tries += 1;
        pending.in_doubt |= call.makes_message() && !failure.is_untouched();
        match failure {
            Failure::Api(error) if error.status == 429 => {
                self.limits.hold(&call.route(), wait, error.is_global, now);
                pending.not_before = now + wait;
            }
            _ => pending.not_before = now + (wait << pending.tries.min(6)).min(LAST_PAUSE),
        }
        if pending.in_doubt && call.webhook.is_some() {
            // Only the history tells; what is under way should be in it by then.
            pending.not_before = pending.not_before.max(now + SETTLING);
        }
    }

    pub fn settle(&mut self, place: &str, outcome: Outcome) {
        let Some(pending) = self.outbox.remove(place) else { return };
        if let Err(error) = matrix::settle(&pending.txn, &outcome) {
            log::warn("settle not taken", &[("txn", &pending.txn), ("error", &error.message)]);
        }
    }

    /// No answer will come to what was sent: it is made again, in doubt where that could double it.
    pub fn doubt_sent(&mut self) {
        for place in self.outbox.keys() {
            let Some(pending) = self.outbox.get_mut(&place).filter(|pending| pending.is_sent) else { continue };
            pending.is_sent = false;
            pending.in_doubt |= pending.calls.first().is_some_and(Call::makes_message);
            if pending.in_doubt && pending.calls.first().is_some_and(|call| call.webhook.is_some()) {
                pending.not_before = time::now() + SETTLING;
            }
        }
    }

    /// Nothing can be sent as things are.
    pub fn refuse_outbox(&mut self) {
        let text = self.link.refused.clone().unwrap_or_default();
        for place in self.outbox.keys() {
            self.settle(&place, Outcome::Failed(Error::new(ErrorKind::BadCredentials, text.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use causeway_sdk::testing;

    use super::*;
    use crate::call::ApiError;
    use crate::client::{connected, sent_body};

    pub fn say(session: &mut Session, txn: &str, channel: u64) {
        let call = Call::new("POST", format!("/channels/{channel}/messages"), json!({"content": txn}));
        let outcome = session.enqueue(txn, Snowflake(channel), vec![call], Metadata::default());
        assert!(matches!(outcome, Outcome::Pending));
    }

    /// Token, path and nonce of the requests begun since the last look.
    fn begun() -> Vec<(String, String, String)> {
        let requests = testing::with(|host| std::mem::take(&mut host.requests));
        let brief = |(token, request): (String, causeway_sdk::http::Request)| {
            let nonce = sent_body(&request)["nonce"].as_str().unwrap_or_default().to_owned();
            (token, request.url.trim_start_matches("http://api").to_owned(), nonce)
        };
        requests.into_iter().map(brief).collect()
    }

    fn tokens() -> Vec<String> {
        begun().into_iter().map(|(token, _, _)| token).collect()
    }

    fn settled() -> Vec<String> {
        testing::with(|host| std::mem::take(&mut host.settled))
            .into_iter()
            .map(|(txn, outcome)| {
                let word = match outcome {
                    Outcome::Sent(parts) => format!("sent as {}", parts[0].id),
                    Outcome::Unknown(_) => "unknown".to_owned(),
                    Outcome::Failed(error) => format!("failed: {}", error.message),
                    other => format!("{other:?}"),
                };
                format!("{txn} {word}")
            })
            .collect()
    }

    fn first(session: &mut Session) -> &mut Pending {
        let place = session.outbox.keys().remove(0);
        session.outbox.get_mut(&place).unwrap()
    }

    #[test]
    fn each_channel_has_one_call_under_way() {
        let mut session = connected();
        say(&mut session, "a1", 60);
        say(&mut session, "a2", 60);
        say(&mut session, "b1", 61);
        assert_eq!(tokens(), ["0 send 000000000001", "0 send 000000000003"]);
        session.sent("000000000001", Ok(json!({"id": "500"})));
        assert_eq!(
            (tokens(), settled()),
            (vec!["0 send 000000000002".to_owned()], vec!["a1 sent as 60:500".to_owned()])
        );
    }

    #[test]
    fn a_lost_answer_is_asked_for_with_the_same_nonce_while_discord_remembers_it() {
        let mut session = connected();
        say(&mut session, "a1", 60);
        let before = begun().remove(0);
        assert!((1..=25).contains(&before.2.len()), "{before:?}");
        session.sent("000000000001", Err(Failure::Host(Error::new(ErrorKind::Network, "cut"))));
        first(&mut session).not_before = 0;
        session.pump();
        assert_eq!(begun(), [before]);
        session.sent("000000000001", Ok(json!({"id": "500"})));
        assert_eq!(settled(), ["a1 sent as 60:500"]);
    }

    #[test]
    fn after_a_long_while_the_history_says_whether_it_arrived() {
        for (is_there, wanted) in [(true, vec!["a1 sent as 60:500"]), (false, vec![])] {
            let mut session = connected();
            say(&mut session, "a1", 60);
            first(&mut session).since -= 3_600_000;
            session.save();
            begun();
            session.conn = None;
            assert!(session.connect().is_ok());
            session.link.phase = crate::gateway::Phase::Ready;
            session.pump();
            let (token, path, _) = begun().remove(0);
            assert!(token == "1 look 000000000001" && path.starts_with("/channels/60/messages?after="), "{path}");
            let other = json!({"id": "499", "content": "a1", "author": {"id": "11"}});
            let ours = json!({"id": "500", "content": "a1", "author": {"id": "7"}});
            let page = if is_there { vec![ours, other] } else { vec![other] };
            session.looked("000000000001", Ok(Value::Array(page)));
            assert_eq!(settled(), wanted);
            let again: Vec<String> = begun().into_iter().map(|(_, path, _)| path).collect();
            assert_eq!(again.len(), usize::from(!is_there), "what is not there is sent: {again:?}");
        }
    }

    #[test]
    fn a_flood_holds_its_channel_and_no_other_and_nothing_is_in_doubt() {
        let mut session = connected();
        say(&mut session, "a1", 60);
        say(&mut session, "a2", 60);
        let flood = ApiError { status: 429, retry_after: Some(3000), ..ApiError::default() };
        session.sent("000000000001", Err(Failure::Api(flood)));
        say(&mut session, "b1", 61);
        assert_eq!(tokens(), ["0 send 000000000001", "0 send 000000000003"]);
        assert!(!first(&mut session).in_doubt);
        assert!(testing::with(|host| (2900..=3000).contains(&host.timers["outbox"])));
    }

    #[test]
    fn refusals_are_told_in_words_and_what_is_as_wanted_is_none() {
        let mut session = connected();
        say(&mut session, "a1", 60);
        let refusal = |code| Err(Failure::Api(ApiError { status: 403, code, ..ApiError::default() }));
        session.sent("000000000001", refusal(50_013));
        let delete = Call::new("DELETE", "/channels/60/messages/5", Value::Null);
        session.enqueue("d1", Snowflake(60), vec![delete], Metadata::default());
        assert!(session.is_deleting(Snowflake(60), Snowflake(5)));
        session.sent("000000000002", refusal(UNKNOWN_MESSAGE));
        assert_eq!(settled(), ["a1 failed: the bot lacks the permission on Discord", "d1 Outcome::Done"]);
    }
}
