//! What the engine asks of Matrix: narrow, so that it is tested without a server.

mod error;
mod hub;

pub use error::MatrixError;
pub use hub::HubMatrix;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use causeway_hub::rooms::{CreateRoom, Membership, NewEvent};
use causeway_store::Entry;
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, ServerName, UserId};
use serde_json::Value;
use tokio::sync::broadcast;

#[async_trait]
pub trait Matrix: Send + Sync {
    fn server_name(&self) -> &ServerName;

    /// Makes the account of a ghost or bot where there is none.
    async fn ensure_user(&self, user: &UserId) -> Result<(), MatrixError>;
    /// Sets what is given; `None` leaves as it is.
    async fn set_profile(&self, user: &UserId, name: Option<&str>, avatar: Option<&str>) -> Result<(), MatrixError>;

    /// In `room.with`, `Value::RoomId` stands for the new room. An alias that is asked for is made with it.
    async fn create_room(&self, creator: &UserId, room: CreateRoom) -> Result<OwnedRoomId, MatrixError>;
    /// The event is on disk with its rows when this returns; [`MatrixError::Lost`] names the row that was there before.
    async fn send(&self, event: NewEvent) -> Result<OwnedEventId, MatrixError>;
    /// Redacts `event.redacts`.
    async fn redact(&self, event: NewEvent) -> Result<OwnedEventId, MatrixError>;
    async fn change_membership(&self, change: Membership) -> Result<(), MatrixError>;
    /// `join`, `leave`, …; `None` for who was never there.
    async fn membership(&self, room: &RoomId, user: &UserId) -> Result<Option<String>, MatrixError>;
    /// The content of a state event.
    async fn state(&self, room: &RoomId, event_type: &str, state_key: &str) -> Result<Option<Value>, MatrixError>;

    /// To be told before a bridge acts as somebody whom it did not make; on disk when this returns. `what` is for an admin.
    async fn note_masquerade(&self, bridge: &str, user: &UserId, what: &str) -> Result<(), MatrixError>;

    async fn typing(&self, room: &RoomId, user: &UserId, timeout: Option<Duration>) -> Result<(), MatrixError>;
    /// Rooms where who types changes from now on.
    fn watch_typing(&self) -> broadcast::Receiver<Arc<str>>;
    fn typists(&self, room: &RoomId) -> BTreeSet<OwnedUserId>;
    async fn read(&self, room: &RoomId, user: &UserId, up_to: &ruma::EventId) -> Result<(), MatrixError>;

    async fn upload(&self, user: &UserId, file_name: &str, mime: &str, data: Bytes) -> Result<String, MatrixError>;
    async fn download(&self, uri: &str) -> Result<Bytes, MatrixError>;
    /// An event as it is now (redacted, where it was).
    async fn event(&self, event_id: &ruma::EventId) -> Result<Option<Arc<Entry>>, MatrixError>;
}
