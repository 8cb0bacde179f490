//! Receipts and typing in a room.

use causeway_store::{Position, ReceiptRow, StoreError};
use ruma::api::client::filter::RoomEventFilter;
use ruma::events::AnySyncEphemeralRoomEvent;
use ruma::serde::Raw;
use serde_json::json;

use super::{Inner, SyncRequest};
use crate::receipts::{content, ephemeral};
use crate::timelines::glob;

/// Receipts read at once.
const PAGE: usize = 1_000;

impl Inner {
    /// Of all rooms of the server.
    pub(super) async fn new_receipts(&self, after: Position, to: Position) -> Result<Vec<ReceiptRow>, StoreError> {
        let (mut all, mut after) = (Vec::new(), after);
        loop {
            let page = self.store.receipts_after(after, to, PAGE).await?;
            let ended = page.len() < PAGE;
            // Receipts of one commit share a position, and a page may end between them.
            after = page.last().map_or(to, |last| if ended { to } else { Position(last.position.0 - 1) });
            let known = all.len();
            all.extend(page.into_iter().filter(|row: &ReceiptRow| ended || row.position <= after));
            if ended || all.len() == known {
                return Ok(all);
            }
        }
    }

    pub(super) fn receipt_event(
        &self,
        request: &SyncRequest,
        rows: &[ReceiptRow],
    ) -> Vec<Raw<AnySyncEphemeralRoomEvent>> {
        let shown = rows.iter().filter(|row| row.receipt_type == "m.read" || row.user_id == request.user_id.as_str());
        let content = content(shown);
        if content.is_empty() || !wants(&request.filter.room.ephemeral, "m.receipt") {
            return Vec::new();
        }
        vec![Raw::from_json(ephemeral(&json!({ "type": "m.receipt", "content": content })))]
    }

    pub(super) fn typing_event(&self, request: &SyncRequest, room_id: &str) -> Option<Raw<AnySyncEphemeralRoomEvent>> {
        let users = self.typing.changed_after(room_id, request.since.map_or(0, |since| since.lossy))?;
        let is_news = request.since.is_some() || !users.is_empty();
        (is_news && wants(&request.filter.room.ephemeral, "m.typing"))
            .then(|| Raw::from_json(ephemeral(&json!({ "type": "m.typing", "content": { "user_ids": users } }))))
    }
}

fn wants(filter: &RoomEventFilter, event_type: &str) -> bool {
    let names = |list: &[String]| list.iter().any(|pattern| glob(pattern, event_type));
    filter.types.as_deref().is_none_or(names) && !names(&filter.not_types)
}
