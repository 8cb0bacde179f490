//! One transaction of a login.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_router::{Delivered, Transaction};
use causeway_store::bridges::sends::{self, SendRow, SendStatus};
use causeway_store::{Commit, Entry, Position};
use ruma::EventId;

use super::convert::Converted;
use super::waiting::Wait;
use crate::bridge::{Bridge, Offered, State};
use crate::connector::{CallError, Connector, LoginId, MatrixEvent, Outcome, RemoteError};
use crate::destination::login_destination;
use crate::matrix::MatrixError;
use crate::trace::{Call, outcome_word};

const ORPHAN: &str = "what it is about has no id on the network: it did not arrive there, or may not have";
const HOMELESS: &str = "its room was deleted";

/// An event that is younger goes as it was handed over.
const FRESH_MS: i64 = 1_000;

/// What is to be done with the entries of a transaction, as far as it is known before a call.
#[derive(Default)]
struct Round {
    offers: Vec<Offered>,
    waits: Vec<(Position, SendRow, Wait)>,
    /// nothing that the network is to be told, or not any more
    nothing: Vec<SendRow>,
    /// what can't arrive, and why
    refused: Vec<(SendRow, &'static str)>,
    retries: Vec<(SendRow, SendRow)>,
}

impl Bridge {
    /// Calls the connector as often as something of the transaction can go: an answer may be what the rest waits for.
    pub(crate) async fn deliver_to_login(&self, login: &LoginId, transaction: &Transaction) -> Delivered {
        let Some(connector) = self.connector() else {
            return Delivered::Held { reason: "the bridge is disabled".into(), retry_after: None };
        };
        loop {
            match self.round(login, transaction).await {
                Ok(round) if !round.offers.is_empty() => {
                    if let Err(held) = self.call(&*connector, login, round.offers).await {
                        return held;
                    }
                }
                Ok(round) => match self.write_down(login, round).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => return Delivered::Held { reason: error.to_string().into(), retry_after: None },
                },
                Err(error) => return Delivered::Held { reason: error.to_string().into(), retry_after: None },
            }
        }
        self.free_waiting();
        match sends::pending(self.store(), self.id.as_str(), login.as_str()).await {
            Ok(rows) => {
                let ours: HashSet<&str> = transaction.entries.iter().map(|entry| &*entry.event_id).collect();
                let pending = rows.iter().filter(|row| ours.contains(row.event_id.as_str()));
                Delivered::Taken { pending: pending.map(|row| Position(row.position)).collect() }
            }
            Err(error) => Delivered::Held { reason: error.to_string().into(), retry_after: None },
        }
    }

    async fn call(&self, connector: &dyn Connector, login: &LoginId, offers: Vec<Offered>) -> Result<(), Delivered> {
        let tries: Vec<(String, u32)> =
            offers.iter().map(|offered| (offered.event.id.clone(), offered.event.attempt)).collect();
        let events: Vec<MatrixEvent> = offers.iter().map(|offered| offered.event.clone()).collect();
        {
            let mut state = self.state();
            for offered in offers {
                let key = (login.clone(), offered.event.id.clone());
                state.in_call.insert(key.clone());
                state.offered.insert(key, offered);
            }
        }
        let (at, begun) = (crate::engine::now_ms() as i64, Instant::now());
        let answer = connector.handle_matrix(login, events).await;
        let duration_ms = begun.elapsed().as_millis() as u64;
        {
            let mut state = self.state();
            for (number, (id, attempt)) in tries.into_iter().enumerate() {
                let outcome = match &answer {
                    Ok(outcomes) => outcomes.get(number).map_or("none", outcome_word).to_owned(),
                    Err(error) => error.to_string(),
                };
                let call = Call { login: login.clone(), at, duration_ms, attempt, outcome };
                state.calls.note(id.clone(), call);
                let key = (login.clone(), id);
                state.in_call.remove(&key);
                if answer.is_err() {
                    state.offered.remove(&key);
                }
            }
        }
        match answer {
            Ok(_) => Ok(()),
            // Its own word, about all of them: it can't take events now.
            Err(CallError::Remote(error)) => {
                let retry_after = error.retry_after_ms.map(Duration::from_millis);
                Err(Delivered::Held { reason: error.message.into(), retry_after })
            }
            // The event is settled as failed by now: the rest goes on.
            Err(error @ CallError::Poison { .. }) => {
                Err(Delivered::Held { reason: error.to_string().into(), retry_after: Some(Duration::ZERO) })
            }
            // Which event a connector fails on is found out by whoever runs it; until then it is away.
            Err(error) => Err(Delivered::Held { reason: error.to_string().into(), retry_after: None }),
        }
    }

    /// What of a transaction is still to be offered: what is settled is not, whatever the router remembers, nor what
    /// this process has offered and nobody has asked for again.
    async fn round(&self, login: &LoginId, transaction: &Transaction) -> Result<Round, MatrixError> {
        let mut round = Round::default();
        let mut blocked: HashSet<Arc<str>> = HashSet::new();
        let abouts: Vec<(Position, String)> =
            transaction.entries.iter().map(|entry| (entry.position, about(entry))).collect();
        for entry in &transaction.entries {
            // Looked at before the row: an event that ends is forgotten only after its row says so.
            let is_offered = self.is_offered(login, entry);
            let row = sends::get(self.store(), self.id.as_str(), login.as_str(), &entry.event_id).await?;
            let row = match transaction.redelivery {
                Some(_) if self.has_arrived(row.as_ref(), entry).await? => continue,
                Some(_) => self.taken_up_again(row).await?,
                None => row,
            };
            let attempt = match &row {
                // A crash may have come before the router knew.
                Some(row) if row.status == SendStatus::Failed => {
                    self.state().waiting.remove(login, entry.position);
                    let reason = row.detail.clone().unwrap_or_default();
                    self.hub.queues.refuse(&login_destination(&self.id, login), entry.position, &reason);
                    continue;
                }
                Some(row) if row.status != SendStatus::Pending => {
                    self.state().waiting.remove(login, entry.position);
                    continue;
                }
                Some(row) if row.attempt > 0 && is_offered => continue,
                Some(row) => u32::try_from(row.attempt).unwrap_or(u32::MAX).saturating_add(1),
                None if is_offered => continue,
                // Frames leave only after the row is written; what a call does by HTTP may have left before.
                None if self.calls_out() => transaction.attempt,
                None => 1,
            };
            let is_new = row.is_none();
            let row = row.unwrap_or_else(|| self.send_row(login, entry));
            let stands_behind = blocked.contains(&entry.room_id)
                || self.state().waiting.is_before(login, &entry.room_id, entry.position);
            let converted = if stands_behind {
                None
            } else if let Some(target) = self.asked_again(login, entry).await? {
                round.retries.push((row, target));
                continue;
            } else {
                // What a call does by HTTP may have left before.
                let has_not_left = row.attempt == 0 && (transaction.attempt == 1 || !self.calls_out());
                let entry = if has_not_left { self.as_it_is_now(entry).await? } else { Arc::clone(entry) };
                Some(self.convert(login, &entry, attempt).await?)
            };
            let (target, holds_room) = match converted {
                Some(Converted::Waits { target, own }) => (Some(target), own),
                None => (None, true),
                Some(converted) => {
                    self.state().waiting.remove(login, entry.position);
                    match converted {
                        Converted::Event(event) => {
                            round.offers.push(Offered { event, position: entry.position.0 });
                            // What is about it is not offered in the same call.
                            let is_named = abouts
                                .iter()
                                .any(|(at, about)| *at > entry.position && about.contains(&*entry.event_id));
                            blocked.extend(is_named.then(|| Arc::clone(&entry.room_id)));
                        }
                        Converted::Orphan => round.refused.push((row, ORPHAN)),
                        Converted::Homeless => round.refused.push((row, HOMELESS)),
                        Converted::Nothing if !is_new => round.nothing.push(row),
                        Converted::Nothing | Converted::Waits { .. } => {}
                    }
                    continue;
                }
            };
            if holds_room {
                blocked.insert(Arc::clone(&entry.room_id));
            }
            round.waits.push((entry.position, row, Wait::new(entry.room_id.to_string(), target, holds_room)));
        }
        Ok(round)
    }

    /// Writes down what needs no call. True: look again, for what is waited for may have ended meanwhile.
    async fn write_down(&self, login: &LoginId, round: Round) -> Result<bool, MatrixError> {
        let mut statements: Vec<_> = round
            .nothing
            .iter()
            .map(|row| sends::put(&SendRow { status: SendStatus::Ignored, ..row.clone() }))
            .collect();
        let is_new = |row: &SendRow| row.updated_at == 0;
        let fresh: Vec<_> = round.waits.iter().filter(|(_, row, _)| is_new(row)).collect();
        let now = crate::engine::now_ms() as i64;
        statements.extend(fresh.iter().map(|(_, row, _)| sends::put(&SendRow { updated_at: now, ..row.clone() })));
        let mut again = !round.refused.is_empty() || !round.nothing.is_empty();
        if !statements.is_empty() {
            self.store().commit(Commit::of(statements)).await?;
        }
        {
            let mut state = self.state();
            for (position, _, wait) in round.waits {
                again |= state.waiting.add(login, position, wait);
            }
        }
        for row in &round.nothing {
            self.wake(&row.event_id);
        }
        for (row, reason) in round.refused {
            let kind = crate::connector::ErrorKind::NotFound;
            let error = RemoteError { kind, message: reason.into(), retry_after_ms: None };
            self.end(login, row, &Outcome::Failed(error)).await?;
        }
        for (asking, target) in round.retries {
            self.send_again(login, target).await?;
            let done = SendRow { status: SendStatus::Sent, updated_at: now, ..asking };
            self.store().commit(Commit::of(vec![sends::put(&done)])).await?;
            again = true;
        }
        Ok(again)
    }

    /// An event that waited may have been taken back meanwhile.
    async fn as_it_is_now(&self, entry: &Arc<Entry>) -> Result<Arc<Entry>, MatrixError> {
        let is_fresh = (crate::engine::now_ms() as i64) < entry.origin_server_ts.saturating_add(FRESH_MS);
        let now = match <&EventId>::try_from(&*entry.event_id) {
            Ok(event_id) if !is_fresh => self.matrix().event(event_id).await?,
            _ => None,
        };
        Ok(now.unwrap_or_else(|| Arc::clone(entry)))
    }

    /// A row of an event that was not offered yet.
    fn send_row(&self, login: &LoginId, entry: &Entry) -> SendRow {
        SendRow {
            bridge: self.id.to_string(),
            login: login.to_string(),
            event_id: entry.event_id.to_string(),
            room_id: entry.room_id.to_string(),
            position: entry.position.0,
            status: SendStatus::Pending,
            detail: None,
            attempt: 0,
            updated_at: 0,
        }
    }

    fn is_offered(&self, login: &LoginId, entry: &Entry) -> bool {
        self.state().offered.contains_key(&(login.clone(), entry.event_id.to_string()))
    }

    /// An event has come to its end: what waited for it is offered.
    pub(crate) fn wake(&self, event_id: &str) {
        let woken = self.state().waiting.wake(event_id);
        for (login, position) in woken {
            self.offer_waiting(&login, position);
        }
    }

    fn free_waiting(&self) {
        let freed = self.state().waiting.free();
        for (login, position) in freed {
            self.offer_waiting(&login, position);
        }
    }

    fn offer_waiting(&self, login: &LoginId, position: Position) {
        if !self.hub.queues.offer(&login_destination(&self.id, login), position) {
            // The router has given it up, so nothing needs to stand behind it.
            self.state().waiting.remove(login, position);
        }
    }

    /// Offers a login everything pending again: who held it has forgotten it.
    pub(crate) fn offer_all_again(&self, login: &LoginId) {
        {
            let mut state = self.state();
            let State { offered, in_call, .. } = &mut *state;
            offered.retain(|key, _| key.0 != *login || in_call.contains(key));
        }
        self.hub.queues.revive(&login_destination(&self.id, login));
        let waiting = self.state().waiting.wake_all(login);
        for position in waiting {
            self.offer_waiting(login, position);
        }
    }

    fn calls_out(&self) -> bool {
        let grant = serde_json::from_str::<crate::host::Grant>(&self.row().rights);
        grant.is_ok_and(|grant| !grant.http.is_empty())
    }
}

/// What of an event may say that it is about another; every event names its predecessors beside that.
fn about(entry: &Entry) -> String {
    let pdu: serde_json::Value = serde_json::from_str(&entry.json).unwrap_or_default();
    format!("{} {}", pdu["content"], pdu["redacts"])
}
