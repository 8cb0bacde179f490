//! Receipts of the rooms that a destination sees; private ones only of its own users.

use std::collections::HashMap;

use causeway_router::Ephemerals;
use causeway_store::{DestinationNid, Position, StoreError};
use serde_json::json;
use serde_json::value::RawValue;

use super::Source;
use crate::receipts::{content, ephemeral};

/// Receipts read at once.
const PAGE: usize = 500;

impl Source {
    /// With the position of each. Shortens `told.until` to what it reached.
    pub(super) async fn receipts(
        &self,
        destination: DestinationNid,
        since: Position,
        limit: usize,
        told: &mut Ephemerals,
    ) -> Result<Vec<(Position, Box<RawValue>)>, StoreError> {
        let (mut found, mut after, to) = (Vec::<(Position, _)>::new(), since, told.until.durable);
        let mut sees = HashMap::new();
        loop {
            let rows = self.of.store.receipts_after(after, to, PAGE).await?;
            let is_last = rows.len() < PAGE;
            // A commit's receipts share a position, and the page may end between them.
            let end = rows.last().filter(|_| !is_last).map_or(to, |last| Position(last.position.0 - 1));
            for row in rows.iter().filter(|row| row.position <= end) {
                let is_visible = row.receipt_type == "m.read" || self.owns(destination, &row.user_id);
                if !is_visible {
                    continue;
                }
                if !sees.contains_key(&row.room_id) {
                    sees.insert(row.room_id.clone(), self.sees_room(destination, &row.room_id).await?);
                }
                if !sees[&row.room_id] {
                    continue;
                }
                if let Some((last, _)) = found.last()
                    && found.len() >= limit
                    && row.position > *last
                {
                    told.until.durable = *last;
                    told.more = true;
                    return Ok(found);
                }
                let event = json!({ "type": "m.receipt", "room_id": row.room_id, "content": content([row]) });
                found.push((row.position, ephemeral(&event)));
            }
            if is_last {
                return Ok(found);
            }
            after = end;
        }
    }
}
