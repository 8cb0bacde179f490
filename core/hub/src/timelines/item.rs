//! An event of a timeline, with its redaction.

use std::sync::Arc;

use causeway_store::{Entry, Redaction, StoredEvent};

#[derive(Clone, Debug)]
pub struct Item {
    pub entry: Arc<Entry>,
    pub redacted_by: Option<Redaction>,
}

impl From<StoredEvent> for Item {
    fn from(event: StoredEvent) -> Self {
        Self { entry: event.entry, redacted_by: event.redacted_by }
    }
}

impl From<Arc<Entry>> for Item {
    /// An entry as it was committed.
    fn from(entry: Arc<Entry>) -> Self {
        Self { entry, redacted_by: None }
    }
}
