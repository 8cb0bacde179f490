//! What became of an event on a login's network.

use causeway_router::{Delivery, DeliveryState, DestinationId};
use causeway_store::bridges::{message_map, sends};

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
        let Some((bridge, login)) = destination.0.strip_prefix("login:").and_then(|name| name.split_once(':')) else {
            return Ok(());
        };
        if delivery.state != DeliveryState::Bridge {
            return Ok(());
        }
        let Ok(bridge) = self.bridge(bridge) else { return Ok(()) };
        let row = sends::get(bridge.store(), bridge.id.as_str(), login, event_id).await?;
        let Some(row) = row else {
            if !message_map::of_event(bridge.store(), bridge.id.as_str(), event_id).await?.is_empty() {
                delivery.state = DeliveryState::Network;
            }
            return Ok(());
        };
        delivery.attempts = u32::try_from(row.attempt).unwrap_or(u32::MAX);
        match row.status.as_str() {
            "sent" => delivery.state = DeliveryState::Network,
            "failed" => {
                delivery.state = DeliveryState::Failed;
                delivery.reason = row.detail;
            }
            "unknown" => {
                delivery.state = DeliveryState::Failed;
                delivery.reason = Some(row.detail.unwrap_or_else(|| "it may not have arrived".to_owned()));
            }
            _ => {}
        }
        Ok(())
    }
}
