//! What an appservice's own bridge says of a message, by `com.beeper.message_send_status` events as mautrix bridges send
//! them.

use causeway_registration::Registration;
use causeway_store::{Entry, StoreError};
use serde::Deserialize;

use super::Registrations;
use crate::deliveries::{Delivery, DeliveryState};
use crate::destination::DestinationId;

const STATUS: &str = "com.beeper.message_send_status";
/// The newest of them that are looked at.
const LOOKED_AT: usize = 8;

#[derive(Deserialize)]
struct Pdu {
    content: Status,
}

#[derive(Deserialize)]
struct Status {
    status: String,
    reason: Option<String>,
    message: Option<String>,
}

impl Registrations {
    /// Carries a delivery on from where the router knows it: an appservice that has an event may have said what its network
    /// made of it. Only words of its own users count, and the last of them.
    pub async fn reported(
        &self,
        destination: &DestinationId,
        event_id: &str,
        delivery: &mut Delivery,
    ) -> Result<(), StoreError> {
        let Some(id) = destination.0.strip_prefix("appservice:") else { return Ok(()) };
        let Some(registered) = self.get(id).filter(|_| delivery.state == DeliveryState::Bridge) else { return Ok(()) };
        let Some(entry) = self.inner.store.entry(event_id).await? else { return Ok(()) };
        let Some(status) = self.status_of(&entry, &registered.registration).await? else { return Ok(()) };
        let reason = match (status.message, status.reason) {
            (Some(message), Some(reason)) => Some(format!("{message} ({reason})")),
            (message, reason) => message.or(reason),
        };
        match status.status.as_str() {
            "SUCCESS" => delivery.state = DeliveryState::Network,
            "PENDING" => delivery.reason = reason,
            "FAIL_RETRIABLE" | "FAIL_PERMANENT" => {
                delivery.state = DeliveryState::Failed;
                delivery.reason = reason;
            }
            _ => {}
        }
        Ok(())
    }

    async fn status_of(&self, entry: &Entry, registration: &Registration) -> Result<Option<Status>, StoreError> {
        let store = &self.inner.store;
        let relations = store.relations_to(entry.room_nid, &entry.event_id).await?;
        let is_its = |sender: &str| registration.may_act_as(sender, &self.inner.server_name);
        let told =
            relations.iter().rev().filter(|row| row.event_type == STATUS && !row.redacted && is_its(&row.sender));
        for row in told.take(LOOKED_AT) {
            let Some(said) = store.entry(&row.event_id).await? else { continue };
            if let Ok(Pdu { content }) = serde_json::from_str(&said.json) {
                return Ok(Some(content));
            }
        }
        Ok(None)
    }
}
