//! What an event that is about another one is about, on the network.

use causeway_store::StoreError;
use causeway_store::bridges::message_map::{self, MessageRow, ReactionRow};
use causeway_store::bridges::sends;

use crate::bridge::Bridge;
use crate::connector::PortalKey;

/// An event that is named by another one, as the network knows it.
pub(crate) enum Target<T> {
    Known(T),
    /// it was offered to the network, or waits to be, and has no id there yet
    OnItsWay,
    /// it has no id there: what became of it (`sent`, `ignored`, `unknown` or `failed`)
    Lost(String),
    /// it was never for the network
    Foreign,
}

impl Bridge {
    /// A message; its last part where it became several.
    pub(super) async fn target_message(
        &self,
        key: &PortalKey,
        event_id: &str,
    ) -> Result<Target<MessageRow>, StoreError> {
        let rows = message_map::of_event(self.store(), self.id.as_str(), event_id).await?;
        match rows.into_iter().rfind(|row| row.portal == key.id.as_str()) {
            Some(row) => Ok(Target::Known(row)),
            None => self.unmapped(event_id).await,
        }
    }

    pub(super) async fn target_reaction(&self, event_id: &str) -> Result<Option<ReactionRow>, StoreError> {
        message_map::reaction_of_event(self.store(), self.id.as_str(), event_id).await
    }

    /// What is known of an event that is not in the message map.
    pub(super) async fn unmapped<T>(&self, event_id: &str) -> Result<Target<T>, StoreError> {
        let rows = sends::of_event(self.store(), self.id.as_str(), event_id).await?;
        if rows.iter().any(|row| row.status == "pending") {
            return Ok(Target::OnItsWay);
        }
        if let Some(row) = rows.into_iter().next() {
            return Ok(Target::Lost(row.status));
        }
        let is_offered = self.state().offered.keys().any(|(_, offered)| offered == event_id);
        Ok(if is_offered { Target::OnItsWay } else { Target::Foreign })
    }
}
