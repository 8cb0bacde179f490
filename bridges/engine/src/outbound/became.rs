//! What became of an event on a login's network.

use causeway_router::{Delivery, DeliveryState, DestinationId};
use causeway_store::bridges::message_map;
use causeway_store::bridges::sends::{self, SendStatus};

use crate::destination::login_of;
use crate::engine::{Engine, EngineError};

impl Engine {
    /// Says of an event that a login's connector has had what the network made of it. Other destinations are none of
    /// the engine's business.
    pub async fn became(
        &self,
        destination: &DestinationId,
        event_id: &str,
        delivery: &mut Delivery,
    ) -> Result<(), EngineError> {
        let Some((bridge, login)) = login_of(destination) else { return Ok(()) };
        if delivery.state != DeliveryState::Bridge {
            return Ok(());
        }
        let Ok(bridge) = self.bridge(bridge) else { return Ok(()) };
        let parts = message_map::of_event(bridge.store(), bridge.id.as_str(), event_id).await?;
        delivery.remote_ids = parts.into_iter().map(|part| part.message).collect();
        delivery.remote_ids.dedup();
        let row = sends::get(bridge.store(), bridge.id.as_str(), login, event_id).await?;
        let Some(row) = row else {
            if !delivery.remote_ids.is_empty() {
                delivery.state = DeliveryState::Network;
            }
            return Ok(());
        };
        delivery.attempts = u32::try_from(row.attempt).unwrap_or(u32::MAX);
        match row.status {
            SendStatus::Sent => delivery.state = DeliveryState::Network,
            SendStatus::Failed => {
                delivery.state = DeliveryState::Failed;
                delivery.reason = row.detail;
            }
            SendStatus::Unknown => {
                delivery.state = DeliveryState::Failed;
                delivery.reason = Some(row.detail.unwrap_or_else(|| "it may not have arrived".to_owned()));
            }
            SendStatus::Pending | SendStatus::Ignored => {}
        }
        Ok(())
    }
}
