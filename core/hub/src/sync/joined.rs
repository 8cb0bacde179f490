//! A room that the user is in.

use causeway_store::{Place, UserRoom};
use ruma::api::client::sync::sync_events::UnreadNotificationsCount;
use ruma::api::client::sync::sync_events::v3::{JoinedRoom, Timeline};
use ruma::events::room::member::MembershipState;
use ruma::serde::Raw;
use ruma::{OwnedEventId, OwnedRoomId};

use super::build::{Shared, shown};
use super::window::{Stretch, Window};
use super::{Inner, SyncRequest};
use crate::notifications::Unread;
use crate::rooms::{RoomSnapshot, SendError};
use crate::timelines::{Form, Sight, Token, Viewer};

/// Events of a room in one response, where the filter doesn't say.
const DEFAULT_LIMIT: usize = 10;
const LARGEST_LIMIT: usize = 1_000;

/// What a user was in a room at the token that it comes with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Past {
    Joined,
    /// it has joined since, or comes without a token: it knows nothing of the room as a member sees it
    Unheard,
    /// it is not in the room, then as now
    Outside,
}

impl Inner {
    /// None: nothing new.
    pub(super) async fn joined(
        &self,
        request: &SyncRequest,
        user_room: &UserRoom,
        room_id: &OwnedRoomId,
        shared: &mut Shared,
    ) -> Result<Option<JoinedRoom>, SendError> {
        let since = request.since.map(|since| since.position);
        let account_data = shared.account_data(request, room_id.as_str());
        let typing = self.typing_event(request, room_id.as_str());
        let receipts = shared.receipts.get(room_id.as_str());
        let is_quiet = since.is_some_and(|since| user_room.last_position <= since);
        if is_quiet && !request.full_state && account_data.is_empty() && typing.is_none() && receipts.is_none() {
            return Ok(None);
        }

        let room = self.rooms.snapshot(room_id).await?;
        let (sight, past) = self.sight_since(request, user_room, &room).await?;
        let after = since.filter(|_| past == Past::Joined);
        let stretch = Stretch {
            after,
            to: shared.token.position,
            limit: timeline_limit(request),
            filter: &request.filter.room.timeline,
            ignored: &shared.ignored,
        };
        let window = self.window(&room, &sight, stretch).await?;

        let mut joined = JoinedRoom::new();
        let known_state = after.filter(|_| !request.full_state);
        let members_changed = window.limited
            || window.items.iter().chain(&window.hidden_state).any(|item| &*item.entry.event_type == "m.room.member");
        if known_state.is_none() || members_changed {
            joined.summary = self.summary(&room, &request.user_id).await?;
        }
        let heroes = match known_state {
            None => joined.summary.heroes.clone(),
            Some(_) => Vec::new(),
        };
        joined.state =
            self.state_section(request, &room, &window, known_state, None, &heroes, &mut shared.members).await?;
        joined.timeline = self.timeline(request, &room, &sight, &window).await?;
        joined.account_data.events = account_data.into_iter().map(Raw::from_json).collect();
        joined.ephemeral.events = match after {
            Some(_) => self.receipt_event(request, receipts.map_or(&[], Vec::as_slice)),
            None => self.receipt_event(request, &self.store.receipts_of_room(user_room.room).await?),
        };
        joined.ephemeral.events.extend(typing);

        // `state_after` is written also when it is empty, so it is no sign of anything new.
        let is_empty = joined.timeline.events.is_empty()
            && joined.state.is_empty()
            && joined.account_data.is_empty()
            && joined.ephemeral.is_empty()
            && !window.limited
            && joined.summary.is_empty();
        let read_here = receipts.into_iter().flatten().any(|receipt| receipt.user_id == request.user_id.as_str());
        if is_empty && !read_here {
            return Ok(None);
        }
        self.unread(request, &room, &mut joined).await?;
        Ok(Some(joined))
    }

    /// What the user may see, and what it was at the last token.
    pub(super) async fn sight_since(
        &self,
        request: &SyncRequest,
        user_room: &UserRoom,
        room: &RoomSnapshot,
    ) -> Result<(Sight, Past), SendError> {
        let since = request.since.map(|since| since.position);
        if since.is_some_and(|since| user_room.position <= since) && &*user_room.membership == "join" {
            return Ok((Sight::joined(), Past::Joined));
        }
        let sight = self.timelines.sight(room, &request.user_id, Place(i64::MIN)).await?;
        let Some(since) = since else {
            let past = if sight.ever(&MembershipState::Join) { Past::Unheard } else { Past::Outside };
            return Ok((sight, past));
        };
        let last = Place(self.store.place_after(user_room.room, since).await?.0 - 1);
        let past = if sight.membership_at(last) == MembershipState::Join {
            Past::Joined
        } else if sight.joins_after(last) {
            Past::Unheard
        } else {
            Past::Outside
        };
        Ok((sight, past))
    }

    pub(super) async fn timeline(
        &self,
        request: &SyncRequest,
        room: &RoomSnapshot,
        sight: &Sight,
        window: &Window,
    ) -> Result<Timeline, SendError> {
        let viewer = Viewer { user_id: &request.user_id, device: &request.device };
        let events = self.timelines.render(room, viewer, sight, &window.items, Form::InRoom, window.complete).await?;
        let mut timeline = Timeline::new();
        timeline.limited = window.limited;
        timeline.prev_batch = Some(Token::Place(window.start).to_string());
        timeline.events = events.into_iter().map(|event| Raw::from_json(shown(request, event))).collect();
        Ok(timeline)
    }

    async fn unread(
        &self,
        request: &SyncRequest,
        room: &RoomSnapshot,
        joined: &mut JoinedRoom,
    ) -> Result<(), SendError> {
        let counts = self.notifications.unread(&request.user_id, room).await?;
        if request.filter.room.timeline.unread_thread_notifications {
            joined.unread_notifications = count(counts.main);
            let threads = counts.threads.into_iter();
            joined.unread_thread_notifications = threads
                .filter_map(|(root, unread)| Some((OwnedEventId::try_from(root).ok()?, count(unread))))
                .collect();
        } else {
            joined.unread_notifications = count(counts.total());
        }
        Ok(())
    }
}

pub(super) fn timeline_limit(request: &SyncRequest) -> usize {
    let limit = request.filter.room.timeline.limit.map(|limit| usize::try_from(u64::from(limit)).unwrap_or(usize::MAX));
    limit.unwrap_or(DEFAULT_LIMIT).min(LARGEST_LIMIT)
}

fn count(unread: Unread) -> UnreadNotificationsCount {
    let mut count = UnreadNotificationsCount::new();
    count.notification_count = Some(unread.notifications.into());
    count.highlight_count = Some(unread.highlights.into());
    count
}
