//! Destinations and sources that are not HTTP: a login of a bridge, and a hub that knows who types.

use std::sync::Mutex;

use async_trait::async_trait;
use causeway_router::{
    Delivered, Destination, DestinationId, EphemeralMark, EphemeralSource, Ephemerals, Transaction, Wanted,
};
use causeway_store::{DestinationNid, Position, StoreError};
use serde_json::json;

/// Holds everything as pending and remembers what it was offered: (event id, attempt).
pub struct Login {
    id: DestinationId,
    pub offered: Mutex<Vec<(String, u32)>>,
}

impl Login {
    pub fn new() -> Self {
        Self { id: DestinationId("login:irc:alice".into()), offered: Mutex::default() }
    }

    pub fn offered(&self) -> Vec<(String, u32)> {
        self.offered.lock().unwrap().clone()
    }
}

#[async_trait]
impl Destination for Login {
    fn id(&self) -> &DestinationId {
        &self.id
    }

    async fn deliver(&self, transaction: &Transaction) -> Delivered {
        let offered = transaction.entries.iter().map(|entry| (entry.event_id.to_string(), transaction.attempt));
        self.offered.lock().unwrap().extend(offered);
        Delivered::Taken { pending: transaction.entries.iter().map(|entry| entry.position).collect() }
    }
}

/// One receipt at a position, and whether somebody types.
#[derive(Default)]
pub struct Ephemeral {
    pub receipt: Mutex<Option<Position>>,
    pub typing: Mutex<(u64, bool)>,
}

#[async_trait]
impl EphemeralSource for Ephemeral {
    async fn ephemerals(&self, _: DestinationNid, since: EphemeralMark, _: Wanted) -> Result<Ephemerals, StoreError> {
        let mut told = Ephemerals::none(since);
        let mut tell = |kind: &str, content: serde_json::Value| {
            let event = json!({"type": kind, "room_id": "!r:h", "content": content});
            told.events.push(serde_json::value::to_raw_value(&event).unwrap());
        };
        if let Some(receipt) = self.receipt.lock().unwrap().filter(|receipt| *receipt > since.durable) {
            tell("m.receipt", json!({"$x": {}}));
            told.until.durable = receipt;
        }
        let (changes, types) = *self.typing.lock().unwrap();
        if changes > since.lossy {
            tell("m.typing", json!({"user_ids": if types { vec!["@a:h"] } else { vec![] }}));
            told.until.lossy = changes;
        }
        Ok(told)
    }
}
