//! What the engine gives to whoever runs connectors.

use std::collections::HashSet;

use async_trait::async_trait;
use bytes::Bytes;

use super::effects::{Effects, KnownMessage};
use super::ids::{MessageRef, PortalKey, RemoteError, StoreId};
use super::matrix::MatrixEvent;

/// A delivery's effects could not be committed: nothing of them holds, the delivery is to be made again.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// the guest asked for what it may not do (foreign namespace, unknown portal, quota): a fault of the guest
    #[error("refused: {0}")]
    Refused(String),
    /// the database did not take it
    #[error("the delivery could not be stored")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Reads answer from what is committed; the runner lays the delivery's own buffered writes over them.
#[async_trait]
pub trait Services: Send + Sync {
    /// Commits one delivery whole, durably, before it returns.
    async fn commit(&self, store: &StoreId, effects: Effects) -> Result<(), CommitError>;

    async fn kv_get(&self, store: &StoreId, keys: &[String], secret: bool)
    -> Result<Vec<Option<Vec<u8>>>, RemoteError>;
    /// Keys that begin with `prefix`, after `after`, in order, at most `limit`.
    async fn kv_scan(
        &self,
        store: &StoreId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
        secret: bool,
    ) -> Result<Vec<(String, Vec<u8>)>, RemoteError>;
    /// Bytes of keys and values that the Store holds, for the quota.
    async fn kv_size(&self, store: &StoreId) -> Result<u64, RemoteError>;
    /// Durable timers of a Store: name and milliseconds since the Unix epoch.
    async fn timers(&self, store: &StoreId) -> Result<Vec<(String, u64)>, RemoteError>;

    async fn portal_room(&self, store: &StoreId, portal: &PortalKey) -> Result<Option<String>, RemoteError>;
    async fn known_message(&self, store: &StoreId, message: &MessageRef) -> Result<Option<KnownMessage>, RemoteError>;
    /// The Matrix id of a ghost, whether it exists yet or not.
    fn ghost_user(&self, store: &StoreId, ghost: &str) -> Result<String, RemoteError>;

    async fn media_read(&self, store: &StoreId, uri: &str) -> Result<Bytes, RemoteError>;
    async fn media_write(
        &self,
        store: &StoreId,
        file_name: &str,
        mime: &str,
        data: Bytes,
    ) -> Result<String, RemoteError>;

    /// Which of these events, each for its author's login, have come to their end and are not to be offered again.
    async fn ended(&self, events: &[MatrixEvent]) -> Result<HashSet<String>, RemoteError>;
    /// The login's Store has come up again after a failure or idleness: events that were pending are to be offered again.
    fn revived(&self, store: &StoreId);
    /// A delivery that the runner made by itself (a frame, a timer) failed for good: kept as a dead letter with its reason.
    async fn dead_delivery(&self, store: &StoreId, what: &str, reason: &str);
    /// A Matrix event that poisoned its login's Store; the engine's queue moves on.
    async fn dead_event(&self, store: &StoreId, event: &MatrixEvent, reason: &str);
}
