//! Read receipts (client-server API, "Receipts").

use causeway_store::{Commit, CommitError, NewReceipt, Notice, ReceiptRow, Store, StoreError, put_receipt};
use ruma::{EventId, OwnedEventId, RoomId, UserId};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::time::now_ms;

#[derive(Clone)]
pub struct Receipts {
    store: Store,
}

#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// 404 `M_NOT_FOUND`
    #[error("there is no event {0} in this room")]
    UnknownEvent(OwnedEventId),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl Receipts {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// `receipt_type`: `m.read` or `m.read.private`. `thread`: empty for none, `main`, or the thread's root. A receipt
    /// for an event before that of the last one changes nothing.
    pub async fn set(
        &self,
        user_id: &UserId,
        room_id: &RoomId,
        event_id: &EventId,
        receipt_type: &str,
        thread: &str,
    ) -> Result<(), ReceiptError> {
        let entry = self.store.entry(event_id.as_str()).await?;
        let entry = entry.filter(|entry| *entry.room_id == *room_id.as_str());
        let entry = entry.ok_or_else(|| ReceiptError::UnknownEvent(event_id.to_owned()))?;
        let receipt = NewReceipt {
            room: entry.room_nid,
            user_id: user_id.as_str(),
            receipt_type,
            thread,
            event_id: event_id.as_str(),
            place: entry.place,
            event_position: entry.position,
            ts: now_ms(),
        };
        let notice = Notice::Receipt { room_id: room_id.as_str().into(), user_id: user_id.as_str().into() };
        self.store.commit(Commit::of(vec![put_receipt(&receipt)]).notify(notice)).await?;
        Ok(())
    }
}

/// `content` of an `m.receipt` event.
pub(crate) fn content<'a>(rows: impl IntoIterator<Item = &'a ReceiptRow>) -> Map<String, Value> {
    let mut content = Map::new();
    for row in rows {
        let mut receipt = json!({ "ts": row.ts });
        if !row.thread.is_empty() {
            receipt["thread_id"] = row.thread.as_str().into();
        }
        let event = content.entry(row.event_id.clone()).or_insert_with(|| json!({}));
        event[&row.receipt_type][&row.user_id] = receipt;
    }
    content
}

/// An ephemeral event as JSON.
pub(crate) fn ephemeral(event: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(event).expect("a JSON value can be written")
}
