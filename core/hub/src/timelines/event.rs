//! One event, for somebody who may see it.

use std::sync::Arc;

use causeway_store::{Entry, StoreError};
use ruma::{EventId, OwnedEventId, OwnedRoomId, RoomId};
use serde_json::value::RawValue;

use super::{Form, Item, Sight, Timelines, Viewer};
use crate::rooms::{RoomSnapshot, SendError};

/// Why an event is not shown.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// 404 `M_NOT_FOUND`: it is not there, or not for this user to know
    #[error("there is no event {0} in this room that you may see")]
    NotFound(OwnedEventId),
    #[error(transparent)]
    Room(#[from] SendError),
}

impl From<StoreError> for EventError {
    fn from(error: StoreError) -> Self {
        Self::Room(error.into())
    }
}

impl Timelines {
    /// An event of a room with what the user could see around it.
    pub async fn visible(
        &self,
        room: &RoomSnapshot,
        viewer: Viewer<'_>,
        event_id: &EventId,
    ) -> Result<(Item, Sight), EventError> {
        let not_found = || EventError::NotFound(event_id.to_owned());
        let event = self.store.event_by_id(event_id.as_str()).await?.ok_or_else(not_found)?;
        if *event.entry.room_id != *room.room_id() {
            return Err(not_found());
        }
        let sight = self.sight(room, viewer.user_id, event.entry.place).await?;
        if sight.sees(&event.entry) { Ok((event.into(), sight)) } else { Err(not_found()) }
    }

    /// The event nearest to a time in milliseconds since the Unix epoch, not before it or not after it.
    pub async fn nearest(&self, room: &RoomSnapshot, ts: i64, after: bool) -> Result<Option<Arc<Entry>>, StoreError> {
        Ok(self.store.entry_by_time(room.facts().nid, ts, after).await?.map(|event| event.entry))
    }

    /// The same of whichever room has it.
    pub async fn event_anywhere(&self, viewer: Viewer<'_>, event_id: &EventId) -> Result<Box<RawValue>, EventError> {
        let not_found = || EventError::NotFound(event_id.to_owned());
        let entry = self.store.entry(event_id.as_str()).await?.ok_or_else(not_found)?;
        let room_id = OwnedRoomId::try_from(&*entry.room_id).map_err(|_| not_found())?;
        self.event(&room_id, viewer, event_id).await
    }

    /// `GET …/event/{eventId}`
    pub async fn event(
        &self,
        room_id: &RoomId,
        viewer: Viewer<'_>,
        event_id: &EventId,
    ) -> Result<Box<RawValue>, EventError> {
        let room = self.rooms.find(room_id).await?.ok_or_else(|| EventError::NotFound(event_id.to_owned()))?;
        let (item, sight) = self.visible(&room, viewer, event_id).await?;
        let rendered = self.render(&room, viewer, &sight, &[item], Form::Whole, false).await?;
        rendered.into_iter().next().ok_or_else(|| EventError::NotFound(event_id.to_owned()))
    }
}
