//! The one pass over new entries: looks up who is interested and puts them into those queues, waking nobody else.

use std::collections::HashMap;
use std::sync::Arc;

use causeway_store::{Commit, DestinationNid, Entry, EntryKind, Group, Notice};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::router::Shared;
use crate::worker::rouse;

pub(crate) async fn dispatch(shared: Arc<Shared>, mut groups: Receiver<Arc<Group>>) {
    let mut caught_up = shared.seen();
    loop {
        match groups.recv().await {
            Ok(group) => {
                if group.after != shared.seen() {
                    tracing::warn!(
                        seen = shared.seen().0,
                        after = group.after.0,
                        "the log has entries that were not announced; destinations read it themselves"
                    );
                    read_it_themselves(&shared);
                }
                hand_out(&shared, &group).await;
                shared.set_seen(group.position);
                if group.position.0 - caught_up.0 >= CATCH_UP {
                    caught_up = group.position;
                    catch_up(&shared);
                }
            }
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(
                    missed,
                    "the log grew faster than it could be handed out; destinations read it themselves"
                );
                read_it_themselves(&shared);
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn read_it_themselves(shared: &Arc<Shared>) {
    for queue in shared.queues() {
        queue.state().fall_behind();
        rouse(shared, &queue);
    }
}

/// Positions after which the cursors of destinations at rest are moved along, all at once.
const CATCH_UP: i64 = 10_000;

fn catch_up(shared: &Arc<Shared>) {
    let seen = shared.seen();
    let statements: Vec<_> = shared.queues().iter().filter_map(|queue| queue.state().catch_up(seen)).collect();
    if statements.is_empty() {
        return;
    }
    let store = shared.store.clone();
    shared.runtime.spawn(async move {
        if let Err(error) = store.commit(Commit::of(statements)).await {
            // only the next start is slower
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot move the cursors of idle destinations");
        }
    });
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
                read_it_themselves(shared);
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
