//! What a destination has not done with, for whoever tells its senders so.

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_store::{DestinationNid, Entry, Position, Stretch};

use crate::router::{QueueError, Router};
use crate::state::Owed;

impl Router {
    /// Entries of a stretch of the log that a destination has neither done with nor given up, in order, about the first
    /// `limit`: what waits, is under way, or is held by it unsettled. None of one that is not registered.
    pub async fn owed(
        &self,
        nid: DestinationNid,
        within: Stretch,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>, QueueError> {
        let store = &self.shared.store;
        let Some(Owed { entries, mut exceptions, log, rooms }) =
            self.shared.queue(nid).map(|queue| queue.state().owed(within))
        else {
            return Ok(Vec::new());
        };
        let mut owed: BTreeMap<Position, Arc<Entry>> = BTreeMap::new();
        let mut add = |entries: Vec<Arc<Entry>>| owed.extend(entries.into_iter().map(|entry| (entry.position, entry)));
        add(entries);
        exceptions.truncate(limit);
        if !exceptions.is_empty() {
            add(store.entries(&exceptions).await?);
        }
        if let Some(stretch) = log.filter(|stretch| stretch.after < stretch.until) {
            add(store.log_interested(nid, stretch, limit).await?);
        }
        for (room, stretch) in rooms.into_iter().filter(|(_, stretch)| stretch.after < stretch.until) {
            add(store.log_interested_in_room(nid, room, stretch, limit).await?);
        }
        Ok(owed.into_values().take(limit).collect())
    }

    /// How far the log has been handed out.
    pub fn head(&self) -> Position {
        self.shared.seen()
    }

    /// Whether an entry that a destination is interested in is neither done with nor given up.
    pub fn is_owed(&self, nid: DestinationNid, entry: &Entry) -> bool {
        self.shared.queue(nid).is_some_and(|queue| queue.state().is_open(entry.position, entry.room_nid))
    }
}
