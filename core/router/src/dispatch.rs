//! The one pass over new entries: looks up who is interested and puts them into those queues, waking nobody else.

use std::collections::HashMap;
use std::sync::Arc;

use causeway_store::{DestinationNid, Entry, EntryKind, Group, Notice};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::router::Shared;
use crate::worker::rouse;

pub(crate) async fn dispatch(shared: Arc<Shared>, mut groups: Receiver<Arc<Group>>) {
    loop {
        match groups.recv().await {
            Ok(group) => {
                hand_out(&shared, &group).await;
                shared.set_seen(group.position);
            }
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(
                    missed,
                    "the log grew faster than it could be handed out; destinations read it themselves"
                );
                for queue in shared.queues() {
                    queue.state().fall_behind();
                    rouse(&shared, &queue);
                }
            }
            Err(RecvError::Closed) => return,
        }
    }
}

async fn hand_out(shared: &Arc<Shared>, group: &Group) {
    let mut wanted: HashMap<DestinationNid, Vec<Arc<Entry>>> = HashMap::new();
    for notice in &group.notices {
        let Notice::Event(entry) = notice else { continue };
        if entry.kind != EntryKind::Live || entry.interest.0 == 0 {
            continue;
        }
        match shared.store.interest(entry.interest).await {
            Ok(destinations) => {
                for destination in destinations.iter() {
                    wanted.entry(*destination).or_default().push(Arc::clone(entry));
                }
            }
            Err(error) => {
                // correct, only slower
                tracing::error!(error = &error as &dyn std::error::Error, "cannot read who is interested");
                for queue in shared.queues() {
                    queue.state().fall_behind();
                    rouse(shared, &queue);
                }
            }
        }
    }
    for (destination, entries) in wanted {
        if let Some(queue) = shared.queue(destination) {
            queue.state().push(&entries);
            rouse(shared, &queue);
        }
    }
}
