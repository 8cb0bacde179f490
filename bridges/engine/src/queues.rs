//! What the engine asks of the router.

use std::sync::Arc;

use async_trait::async_trait;
use causeway_router::{Destination, DestinationId, Router, Settled};
use causeway_store::{DestinationNid, Position};

use crate::matrix::MatrixError;

#[async_trait]
pub trait Queues: Send + Sync {
    async fn register(&self, destination: Arc<dyn Destination>) -> Result<DestinationNid, MatrixError>;
    /// Stops delivering; the cursor stays.
    fn unregister(&self, id: &DestinationId);
    /// What waits lapses.
    async fn remove(&self, id: &DestinationId) -> Result<(), MatrixError>;
    /// False when the entry isn't pending (yet).
    fn settle(&self, id: &DestinationId, position: Position) -> bool;
    /// Offers everything pending again.
    fn revive(&self, id: &DestinationId);
}

#[async_trait]
impl Queues for Router {
    async fn register(&self, destination: Arc<dyn Destination>) -> Result<DestinationNid, MatrixError> {
        Router::register(self, destination).await.map_err(|error| MatrixError::Unavailable(Box::new(error)))
    }

    fn unregister(&self, id: &DestinationId) {
        Router::unregister(self, id);
    }

    async fn remove(&self, id: &DestinationId) -> Result<(), MatrixError> {
        Router::remove(self, id).await.map_err(|error| MatrixError::Unavailable(Box::new(error)))
    }

    fn settle(&self, id: &DestinationId, position: Position) -> bool {
        Router::settle(self, id, position, &Settled::Done)
    }

    fn revive(&self, id: &DestinationId) {
        Router::revive(self, id);
    }
}
