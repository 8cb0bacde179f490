//! Remote deletions.

use causeway_store::bridges::message_map;
use serde_json::Map;

use super::{Arrival, Finished};
use crate::bridge::Bridge;
use crate::connector::Removal;
use crate::matrix::MatrixError;
use crate::portals::receiver;

impl Bridge {
    pub(super) async fn bring_removal(
        &self,
        arrival: &Arrival<'_>,
        removal: &Removal,
    ) -> Result<Finished, MatrixError> {
        // Others still see it there.
        if removal.only_for_me && arrival.event.portal.receiver.is_none() {
            return Ok(false);
        }
        let (bridge, receiver) = (self.id.as_str(), receiver(&arrival.event.portal));
        let rows = message_map::of_message(self.store(), bridge, receiver, removal.target.id.as_str()).await?;
        for row in rows.iter().filter(|row| removal.target.part.as_ref().is_none_or(|part| row.part == *part)) {
            // Who wrote it may always take it back; anybody else's removal is the network's, so the bot's.
            let sender = if row.sender == arrival.sender.as_str() { &arrival.sender } else { &self.bot };
            let mut new = self.new_event(&arrival.room, sender, "m.room.redaction", Map::new(), arrival.event.at);
            new.redacts = Some(Self::event_id(row)?);
            new.with.push(message_map::remove(bridge, receiver, &row.message, &row.part));
            self.matrix().redact(new).await?;
        }
        Ok(false)
    }
}
