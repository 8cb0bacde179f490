//! One room's new events, also for somebody who only looks into it (client-server API, "Room previews").

use std::collections::HashSet;

use causeway_store::Place;
use ruma::api::client::filter::RoomEventFilter;
use ruma::{RoomId, UserId};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::window::Stretch;
use super::{LONGEST_WAIT, Sync, SyncToken};
use crate::rooms::SendError;
use crate::timelines::{Form, Viewer};

/// Events of one answer; those before them are in `/messages`.
const LIMIT: usize = 100;

/// `GET /events` of one room, already parsed.
pub struct PeekRequest<'a> {
    pub viewer: Viewer<'a>,
    pub room_id: &'a RoomId,
    pub since: SyncToken,
    pub timeout: std::time::Duration,
}

/// What is answered: events in the client format, oldest first, and where they end.
pub struct Peeked {
    pub chunk: Vec<Box<RawValue>>,
    pub end: SyncToken,
}

impl Sync {
    /// Where everything that is committed ends, as far as a user's answers can tell of it.
    pub async fn now(&self, user_id: &UserId) -> Result<SyncToken, SendError> {
        Ok(self.inner.rooms_until_now(user_id).await?.1)
    }

    /// A room's events since a token, or those that come while the request waits.
    ///
    /// # Errors
    /// [`SendError::Forbidden`] for who was never in the room, where it is not world-readable.
    pub async fn peek(&self, request: &PeekRequest<'_>) -> Result<Peeked, SendError> {
        let deadline = Instant::now() + request.timeout.min(LONGEST_WAIT);
        let (inner, user_id) = (&self.inner, request.viewer.user_id);
        let waiter = inner.notifier.wait_for(user_id.as_str(), &[request.room_id.as_str().into()]);
        let (filter, ignored) = (RoomEventFilter::default(), HashSet::new());
        loop {
            let end = self.now(user_id).await?;
            let room = inner.rooms.snapshot(request.room_id).await?;
            inner.timelines.must_have_been_in(&room, user_id).await?;
            let sight = inner.timelines.sight(&room, user_id, Place(i64::MIN)).await?;
            let after = Some(request.since.position);
            let stretch = Stretch { after, to: end.position, limit: LIMIT, filter: &filter, ignored: &ignored };
            let window = inner.window(&room, &sight, stretch).await?;
            let form = Form::Whole;
            let chunk =
                inner.timelines.render(&room, request.viewer, &sight, &window.items, form, window.complete).await?;
            let is_over = !chunk.is_empty() || Instant::now() >= deadline;
            if is_over || tokio::time::timeout_at(deadline, waiter.woken()).await.is_err() {
                return Ok(Peeked { chunk, end });
            }
        }
    }
}
