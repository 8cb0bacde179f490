//! What did not arrive, or may not have, is sent once more when its sender reacts to it, or to the bot's notice about
//! it, with [`AGAIN`].

use causeway_router::DestinationId;
use causeway_store::bridges::message_map;
use causeway_store::bridges::sends::{self, SendRow, SendStatus};
use causeway_store::{Commit, Entry};
use ruma::EventId;
use serde_json::Value;

use super::waiting::Wait;
use crate::bridge::Bridge;
use crate::connector::LoginId;
use crate::destination::{login_destination, login_of};
use crate::engine::{Engine, EngineError};
use crate::matrix::MatrixError;

/// The reaction that asks for another try.
pub(super) const AGAIN: &str = "\u{1f501}";

impl Bridge {
    /// The event that this one asks to send again.
    pub(super) async fn asked_again(&self, login: &LoginId, entry: &Entry) -> Result<Option<SendRow>, MatrixError> {
        if &*entry.event_type != "m.reaction" || !entry.json.contains(AGAIN) {
            return Ok(None);
        }
        let content = content(entry);
        let relates = |key: &str| content.pointer(&format!("/m.relates_to/{key}")).and_then(Value::as_str);
        let (Some(AGAIN), Some(target)) = (relates("key"), relates("event_id")) else { return Ok(None) };
        let target = self.told_about(target).await?.unwrap_or_else(|| target.to_owned());
        let row = sends::get(self.store(), self.id.as_str(), login.as_str(), &target).await?;
        // Pending and never offered: it was asked for, and a crash came before the router knew.
        Ok(row.filter(|row| row.status.is_bad() || row.status == SendStatus::Pending && row.attempt == 0))
    }

    /// Whether a redelivered event is on the network for certain: then it is not sent there twice.
    pub(super) async fn has_arrived(&self, row: Option<&SendRow>, entry: &Entry) -> Result<bool, MatrixError> {
        if let Some(row) = row {
            return Ok(row.status == SendStatus::Sent);
        }
        Ok(!message_map::of_event(self.store(), self.id.as_str(), &entry.event_id).await?.is_empty())
    }

    /// A redelivered event that came to a bad end before is offered as if for the first time.
    pub(super) async fn taken_up_again(&self, row: Option<SendRow>) -> Result<Option<SendRow>, MatrixError> {
        let row = match row {
            Some(row) if row.status.is_bad() => row,
            row => return Ok(row),
        };
        let updated_at = crate::engine::now_ms() as i64;
        let again = SendRow { status: SendStatus::Pending, detail: None, attempt: 0, updated_at, ..row };
        self.store().commit(Commit::of(vec![sends::put(&again)])).await?;
        Ok(Some(again))
    }

    /// The event that a notice of the bot's is about.
    async fn told_about(&self, notice: &str) -> Result<Option<String>, MatrixError> {
        let Ok(event_id) = <&EventId>::try_from(notice) else { return Ok(None) };
        let Some(entry) = self.matrix().event(event_id).await? else { return Ok(None) };
        if *entry.sender != *self.bot.as_str() {
            return Ok(None);
        }
        let answered =
            content(&entry).pointer("/m.relates_to/m.in_reply_to/event_id").and_then(Value::as_str).map(str::to_owned);
        Ok(answered)
    }

    /// Offers an event again that came to a bad end, as if for the first time; it comes late.
    pub(crate) async fn send_again(&self, login: &LoginId, target: SendRow) -> Result<(), MatrixError> {
        let now = crate::engine::now_ms() as i64;
        let event = match <&EventId>::try_from(target.event_id.as_str()) {
            Ok(event_id) => self.matrix().event(event_id).await?,
            Err(_) => None,
        };
        if let Some(entry) = event {
            let again = SendRow { status: SendStatus::Pending, detail: None, attempt: 0, updated_at: now, ..target };
            let awaits = self.awaits_end(login, &again.event_id);
            self.store().commit(Commit::of(vec![sends::put(&again), awaits])).await?;
            // It comes late, and nothing waits for it.
            let wait = Wait { is_woken: true, ..Wait::new(again.room_id, None, false) };
            self.state().waiting.add(login, entry.position, wait);
            self.hub.queues.offer_again(&login_destination(&self.id, login), &entry).await?;
            self.await_end(login, entry);
        }
        Ok(())
    }
}

impl Engine {
    /// Sends an event once more that did not arrive, or may not have. False where the destination is no login, or it is
    /// not known to have come to such an end.
    pub async fn retry(&self, destination: &DestinationId, event_id: &str) -> Result<bool, EngineError> {
        let Some((bridge, login)) = login_of(destination) else { return Ok(false) };
        let bridge = self.bridge(bridge)?;
        let row = sends::get(bridge.store(), bridge.id.as_str(), login, event_id).await?;
        let Some(row) = row.filter(|row| row.status.is_bad()) else { return Ok(false) };
        bridge.send_again(&login.into(), row).await?;
        Ok(true)
    }
}

fn content(entry: &Entry) -> Value {
    let pdu: Value = serde_json::from_str(&entry.json).unwrap_or_default();
    pdu.get("content").cloned().unwrap_or_default()
}
