//! What an event that is about another one is about, on the network.

use causeway_store::StoreError;
use causeway_store::bridges::message_map::{self, MessageRow, ReactionRow};
use causeway_store::bridges::sends::{self, SendStatus};

use crate::bridge::Bridge;
use crate::connector::{LoginId, PortalKey};

/// An event that is named by another one, as the network knows it.
pub(crate) enum Target<T> {
    Known(T),
    /// it was offered to the network, or waits to be, and has no id there yet; `own`: by the login that asks
    OnItsWay {
        own: bool,
    },
    /// it has no id there: what became of it (anything but pending)
    Lost(SendStatus),
    /// it was never for the network
    Foreign,
}

impl Bridge {
    /// A message; its last part where it became several.
    pub(super) async fn target_message(
        &self,
        login: &LoginId,
        key: &PortalKey,
        event_id: &str,
    ) -> Result<Target<MessageRow>, StoreError> {
        if let Some(row) = self.mapped(key, event_id).await? {
            return Ok(Target::Known(row));
        }
        Ok(match self.unmapped(login, event_id).await? {
            // It may have come to its end between the looks.
            Target::Lost(status) if status == SendStatus::Sent => {
                self.mapped(key, event_id).await?.map_or(Target::Lost(status), Target::Known)
            }
            other => other,
        })
    }

    async fn mapped(&self, key: &PortalKey, event_id: &str) -> Result<Option<MessageRow>, StoreError> {
        let rows = message_map::of_event(self.store(), self.id.as_str(), event_id).await?;
        Ok(rows.into_iter().rfind(|row| row.portal == key.id.as_str()))
    }

    pub(super) async fn target_reaction(&self, event_id: &str) -> Result<Option<ReactionRow>, StoreError> {
        message_map::reaction_of_event(self.store(), self.id.as_str(), event_id).await
    }

    /// What is known of an event that is not in the message map.
    async fn unmapped<T>(&self, login: &LoginId, event_id: &str) -> Result<Target<T>, StoreError> {
        let rows = sends::of_event(self.store(), self.id.as_str(), event_id).await?;
        if let Some(row) = rows.iter().find(|row| row.status == SendStatus::Pending) {
            return Ok(Target::OnItsWay { own: row.login == login.as_str() });
        }
        if let Some(row) = rows.into_iter().next() {
            return Ok(Target::Lost(row.status));
        }
        let state = self.state();
        let by = state.offered.keys().find(|(_, offered)| offered == event_id).map(|(by, _)| by);
        Ok(by.map_or(Target::Foreign, |by| Target::OnItsWay { own: by == login }))
    }
}
