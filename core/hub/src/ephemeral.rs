//! Typing, receipts and presence for destinations of the router: appservices and bridges.

use std::sync::Arc;

use async_trait::async_trait;
use causeway_router::{EphemeralMark, EphemeralSource, Ephemerals, Interested, Router};
use causeway_store::{DestinationNid, Notice, Position, Store, StoreError};
use ruma::{OwnedRoomId, UserId};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use crate::lossy::Lossy;
use crate::receipts::{content, ephemeral};
use crate::rooms::{Rooms, SendError};
use crate::typing::Typing;

/// Receipts told at once.
const RECEIPTS: usize = 500;

/// The router's source of what is not in the log.
pub struct Ephemeral {
    store: Store,
    rooms: Rooms,
    typing: Typing,
    lossy: Lossy,
    /// knows whose private receipts a destination may see
    interested: Arc<dyn Interested>,
}

impl Ephemeral {
    pub fn new(store: Store, rooms: Rooms, typing: Typing, lossy: Lossy, interested: Arc<dyn Interested>) -> Self {
        Self { store, rooms, typing, lossy, interested }
    }

    /// Tells the router from now on which destinations have something to ask for, and answers them.
    pub fn start(self, router: &Router) {
        let source = Arc::new(self);
        router.set_ephemeral_source(source.clone());
        let (typing, to) = (source.typing.watch(), router.clone());
        tokio::spawn(forward(typing, source.clone(), to, |room_id| vec![room_id]));
        let (groups, to) = (source.store.watch(), router.clone());
        tokio::spawn(forward(groups, source, to, |group| {
            let receipts = group.notices.iter().filter_map(|notice| match notice {
                Notice::Receipt { room_id, .. } => Some(Arc::clone(room_id)),
                _ => None,
            });
            receipts.collect()
        }));
    }

    /// Destinations that want all of a room.
    async fn destinations(&self, room_id: &str) -> Result<Vec<DestinationNid>, StoreError> {
        let Ok(room_id) = OwnedRoomId::try_from(room_id) else { return Ok(Vec::new()) };
        match self.rooms.snapshot(&room_id).await {
            Ok(room) => Ok(room.destinations().collect()),
            Err(SendError::Store(error)) => Err(error),
            Err(_) => Ok(Vec::new()),
        }
    }

    async fn sees(&self, destination: DestinationNid, room_id: &str) -> Result<bool, StoreError> {
        Ok(self.destinations(room_id).await?.contains(&destination))
    }

    fn owns(&self, destination: DestinationNid, user_id: &str) -> bool {
        <&UserId>::try_from(user_id).is_ok_and(|user_id| self.interested.of_user(user_id).contains(&destination))
    }
}

/// Names the destinations of the rooms that something happens in.
async fn forward<T: Clone>(
    mut changes: tokio::sync::broadcast::Receiver<T>,
    source: Arc<Ephemeral>,
    router: Router,
    rooms: impl Fn(T) -> Vec<Arc<str>>,
) {
    loop {
        let rooms = match changes.recv().await {
            Ok(change) => rooms(change),
            // Each destination asks again with its next transaction.
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        for room_id in rooms {
            match source.destinations(&room_id).await {
                Ok(destinations) if !destinations.is_empty() => router.ephemeral_changed(&destinations),
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, %room_id, "ephemeral events wait");
                }
            }
        }
    }
}

#[async_trait]
impl EphemeralSource for Ephemeral {
    async fn ephemerals(&self, destination: DestinationNid, since: EphemeralMark) -> Result<Ephemerals, StoreError> {
        let mut told = Ephemerals::default();
        let lossy = self.lossy.last();
        for room_id in self.typing.rooms_changed_after(since.lossy) {
            if self.sees(destination, &room_id).await?
                && let Some(users) = self.typing.changed_after(&room_id, since.lossy)
            {
                let event = json!({ "type": "m.typing", "room_id": &*room_id, "content": { "user_ids": users } });
                told.events.push(ephemeral(&event));
            }
        }
        let to = self.store.position();
        let rows = self.store.receipts_after(since.receipts, to, RECEIPTS).await?;
        for row in &rows {
            let may_see = row.receipt_type == "m.read" || self.owns(destination, &row.user_id);
            if may_see && self.sees(destination, &row.room_id).await? {
                let event = json!({ "type": "m.receipt", "room_id": row.room_id, "content": content([row]) });
                told.events.push(ephemeral(&event));
            }
        }
        let receipts = match rows.last() {
            // A commit's receipts share a position, and the list may end between them: those are told twice.
            Some(last) if rows.len() == RECEIPTS => Position(last.position.0 - 1).max(since.receipts),
            _ => to.max(since.receipts),
        };
        told.until = EphemeralMark { receipts, lossy: lossy.max(since.lossy) };
        Ok(told)
    }
}
