//! First deliveries that ride on the commit of their own events (design §5.6): an idle destination's transaction is
//! recorded where its event is, and goes out right after that commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_store::{DestinationNid, EventNid, Position, Statement};

use crate::Router;
use crate::queue::Queue;
use crate::worker::rouse;

/// Transactions that are recorded by somebody's commit. Dropped without [`Prepared::committed`], they are withdrawn.
#[must_use = "its statements belong into the commit that makes the events"]
pub struct Prepared {
    router: Router,
    queues: Vec<(Arc<Queue>, u64)>,
    statements: Vec<Statement>,
}

impl Router {
    /// Prepares deliveries of events that are about to be committed together: (event, who is interested), in order. To
    /// be called while the rooms' order is held, right before the commit is handed over. Answers from memory.
    pub fn prepare<'a>(&self, events: impl IntoIterator<Item = (EventNid, &'a [DestinationNid])>) -> Prepared {
        let mut wanted: BTreeMap<DestinationNid, Vec<EventNid>> = BTreeMap::new();
        for (event, destinations) in events {
            for destination in destinations {
                wanted.entry(*destination).or_default().push(event);
            }
        }
        let mut prepared = Prepared { router: self.clone(), queues: Vec::new(), statements: Vec::new() };
        for (destination, events) in wanted {
            let Some(queue) = self.shared.queue(destination) else { continue };
            let recorded = queue.state().prepare(events);
            if let Some((serial, statement)) = recorded {
                prepared.queues.push((queue, serial));
                prepared.statements.push(statement);
            }
        }
        prepared
    }
}

impl Prepared {
    /// What the commit has to take along.
    pub fn statements(&mut self) -> Vec<Statement> {
        std::mem::take(&mut self.statements)
    }

    /// The commit is on disk; `position` is its last.
    pub fn committed(mut self, position: Position) {
        for (queue, serial) in std::mem::take(&mut self.queues) {
            queue.state().prepared_committed(serial, position);
        }
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        for (queue, serial) in std::mem::take(&mut self.queues) {
            queue.state().prepared_withdrawn(serial);
            rouse(&self.router.shared, &queue);
        }
    }
}
