//! One destination as the router holds it: its state, its way out, and the alarm clock of its worker.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use causeway_store::DestinationNid;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::destination::{Destination, DestinationId};
use crate::state::State;

pub(crate) struct Queue {
    pub nid: DestinationNid,
    pub id: DestinationId,
    destination: RwLock<Arc<dyn Destination>>,
    state: Mutex<State>,
    pub wake: Notify,
    /// told after each write
    pub written: Notify,
}

impl Queue {
    pub fn new(destination: Arc<dyn Destination>, state: State) -> Self {
        Self {
            nid: state.nid,
            id: destination.id().clone(),
            destination: RwLock::new(destination),
            state: Mutex::new(state),
            wake: Notify::new(),
            written: Notify::new(),
        }
    }

    /// Never held across a wait. A panic elsewhere leaves the state whole: each change is one call.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn destination(&self) -> Arc<dyn Destination> {
        Arc::clone(&self.destination.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From the next transaction on, deliveries go here.
    pub fn replace_destination(&self, destination: Arc<dyn Destination>) {
        self.state().set_destination(destination.batch(), destination.parallel(), Instant::now());
        *self.destination.write().unwrap_or_else(PoisonError::into_inner) = destination;
    }
}
