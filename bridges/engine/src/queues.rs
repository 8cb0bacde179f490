//! What the engine asks of the router.

use std::sync::Arc;

use async_trait::async_trait;
use causeway_router::{Destination, DestinationId, Router, Settled};
use causeway_store::{DestinationNid, Entry, Position, Stretch};

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
    /// The network does not take it: a dead letter. False as above.
    fn refuse(&self, id: &DestinationId, position: Position, reason: &str) -> bool;
    /// Offers everything pending again.
    fn revive(&self, id: &DestinationId);
    /// Offers this one again. False when it is neither pending nor about to be.
    fn offer(&self, id: &DestinationId, position: Position) -> bool;
    /// Makes an entry that was settled pending again, and offers it.
    async fn offer_again(&self, id: &DestinationId, entry: &Entry) -> Result<(), MatrixError>;
    /// What it has neither done with nor given up in a stretch of the log, in order, at most so many.
    async fn owed(&self, nid: DestinationNid, within: Stretch, limit: usize) -> Result<Vec<Arc<Entry>>, MatrixError>;
    fn is_owed(&self, nid: DestinationNid, entry: &Entry) -> bool;
    /// How far the log has been handed out.
    fn head(&self) -> Position;
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

    fn refuse(&self, id: &DestinationId, position: Position, reason: &str) -> bool {
        Router::settle(self, id, position, &Settled::Refused { reason: reason.to_owned() })
    }

    fn revive(&self, id: &DestinationId) {
        Router::revive(self, id);
    }

    fn offer(&self, id: &DestinationId, position: Position) -> bool {
        Router::settle(self, id, position, &Settled::Again { reason: "what it waited for is settled".to_owned() })
    }

    async fn offer_again(&self, id: &DestinationId, entry: &Entry) -> Result<(), MatrixError> {
        Router::offer_again(self, id, entry).await.map_err(|error| MatrixError::Unavailable(Box::new(error)))
    }
    async fn owed(&self, nid: DestinationNid, within: Stretch, limit: usize) -> Result<Vec<Arc<Entry>>, MatrixError> {
        Router::owed(self, nid, within, limit).await.map_err(|error| MatrixError::Unavailable(Box::new(error)))
    }

    fn is_owed(&self, nid: DestinationNid, entry: &Entry) -> bool {
        Router::is_owed(self, nid, entry)
    }
    fn head(&self) -> Position {
        Router::head(self)
    }
}
