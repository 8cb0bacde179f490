//! How far one event has come, to each destination that was interested in it.

use causeway_store::Position;
use serde::Serialize;

use crate::destination::DestinationId;
use crate::restore::restore;
use crate::router::{QueueError, Router};
use crate::state::State;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    pub state: DeliveryState,
    pub attempts: u32,
    /// why it is not further yet, or never will be
    pub reason: Option<String>,
    /// the transaction that it is in or was taken with; none where that is long ago, or before the start of this process
    #[serde(skip_serializing_if = "Option::is_none")]
    pub txn_id: Option<String>,
    /// what it is called on the remote network, where it has ids there
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remote_ids: Vec<String>,
}

impl Delivery {
    pub fn new(state: DeliveryState, attempts: u32, reason: Option<String>) -> Self {
        Self { state, attempts, reason, txn_id: None, remote_ids: Vec::new() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// not handed over yet
    Waiting,
    /// handed over, and not answered yet
    Sending,
    /// It was not taken, and is tried again.
    Retrying,
    /// the appservice or the bridge has it
    Bridge,
    /// the remote network has it
    Network,
    /// The network, or the bridge for it, refused it, or does not know what became of it.
    Failed,
    /// a dead letter: given up, and kept
    Dead,
    /// The destination was removed before.
    Lapsed,
}

impl Router {
    /// The position of an event, and the destinations that were interested in it when it was committed; none for an event
    /// that is not here. Of a remote network the router knows nothing: `Bridge` is the furthest.
    pub async fn deliveries(
        &self,
        event_id: &str,
    ) -> Result<Option<(Position, Vec<(DestinationId, Delivery)>)>, QueueError> {
        let store = &self.shared.store;
        let Some(entry) = store.entry(event_id).await? else { return Ok(None) };
        let interested = store.interest(entry.interest).await?;
        let mut deliveries = Vec::new();
        let mut absent = Vec::new();
        for nid in interested.iter() {
            match self.shared.queue(*nid) {
                Some(queue) => {
                    let delivery = queue.state().delivery_of(entry.position, entry.room_nid);
                    deliveries.push((*nid, queue.id.clone(), delivery));
                }
                None => absent.push(*nid),
            }
        }
        // A disabled bridge or a removed registration: what is on disk is all there is.
        let rows = if absent.is_empty() { Vec::new() } else { store.destinations().await? };
        for row in rows.into_iter().filter(|row| absent.contains(&row.nid)) {
            let (nid, id) = (row.nid, DestinationId(row.id.as_str().into()));
            let delivery = if row.removed {
                Delivery::new(DeliveryState::Lapsed, 0, None)
            } else {
                State::restore(restore(store, row).await?, 1, 1).delivery_of(entry.position, entry.room_nid)
            };
            deliveries.push((nid, id, delivery));
        }
        let mut list = Vec::with_capacity(deliveries.len());
        for (nid, id, mut delivery) in deliveries {
            if delivery.state == DeliveryState::Dead {
                let letters = store.dead_letters(nid).await?;
                let letter = letters.into_iter().find(|letter| letter.position == entry.position);
                if let Some(letter) = letter {
                    delivery.attempts = letter.attempts;
                    delivery.reason = Some(letter.reason);
                }
            }
            list.push((id, delivery));
        }
        list.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Some((entry.position, list)))
    }
}
