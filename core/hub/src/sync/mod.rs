//! `/sync` (client-server API, "Syncing"): what has happened since a token, or a wait until something does.
//!
//! ```text
//!   store's commits, typing, presence ─► feed ─► recent entries (in memory)
//!                                         └────► wakes those who wait in a room or for themselves
//!   request ─► build(since, to) ─ empty ─► wait ─► build …
//! ```
//!
//! A client that waits costs no query: it is woken by what concerns it.

mod build;
mod device_lists;
mod ephemeral;
mod feed;
mod fields;
mod invited;
mod joined;
mod lazy;
mod left;
mod notifier;
mod peek;
mod presence;
mod recent;
mod sliding;
mod state;
mod summary;
mod token;
mod window;

pub use peek::{PeekRequest, Peeked};
pub use sliding::{SlidingBody, SlidingError, SlidingRequest};
pub use token::SyncToken;

use std::sync::Arc;
use std::time::Duration;

use causeway_store::{Position, Store};
use ruma::OwnedUserId;
use ruma::api::client::filter::FilterDefinition;
use ruma::api::client::sync::sync_events::v3::Response;
use ruma::presence::PresenceState;
use tokio::time::Instant;

use crate::lossy::Lossy;
use crate::notifications::Notifications;
use crate::presence::Presences;
use crate::push::Push;
use crate::rooms::{Rooms, SendError};
use crate::timelines::Timelines;
use crate::typing::Typing;

use lazy::SentMembers;
use notifier::Notifier;

/// No wait is longer, whatever the client asks.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Cheap to clone.
#[derive(Clone)]
pub struct Sync {
    inner: Arc<Inner>,
}

/// What the parts of a response are built from.
pub(crate) struct Inner {
    store: Store,
    rooms: Rooms,
    timelines: Timelines,
    typing: Typing,
    presences: Presences,
    push: Push,
    notifications: Notifications,
    notifier: Notifier,
    lossy: Lossy,
    sent_members: SentMembers,
    connections: sliding::Connections,
    bumps: sliding::Bumps,
}

/// What sync is made of.
pub struct Sources {
    pub store: Store,
    pub rooms: Rooms,
    pub timelines: Timelines,
    pub typing: Typing,
    pub presences: Presences,
    pub push: Push,
    pub lossy: Lossy,
}

/// `GET /sync`, already parsed.
#[derive(Clone)]
pub struct SyncRequest {
    pub user_id: OwnedUserId,
    /// empty: an appservice's user without a device
    pub device: String,
    pub since: Option<SyncToken>,
    pub filter: FilterDefinition,
    pub full_state: bool,
    pub use_state_after: bool,
    pub timeout: Duration,
    pub set_presence: PresenceState,
}

impl Sync {
    /// Begins to follow the log. Must be called within a runtime.
    pub fn start(sources: Sources) -> Self {
        let Sources { store, rooms, timelines, typing, presences, push, lossy } = sources;
        // The watch begins before the position is read, so that nothing lies between.
        let watch = store.watch();
        let inner = Inner {
            notifier: Notifier::new(store.position()),
            notifications: Notifications::new(store.clone(), push.clone()),
            sent_members: SentMembers::default(),
            connections: sliding::Connections::default(),
            bumps: sliding::Bumps::default(),
            store,
            rooms,
            timelines,
            typing,
            presences,
            push,
            lossy,
        };
        let sync = Self { inner: Arc::new(inner) };
        feed::start(&sync.inner, watch);
        sync
    }

    /// Unread counts, which are kept here.
    pub fn notifications(&self) -> &Notifications {
        &self.inner.notifications
    }

    /// Answers at once when there is something, else when something comes or the time is over.
    pub async fn sync(&self, request: &SyncRequest) -> Result<Response, SendError> {
        let deadline = Instant::now() + request.timeout.min(LONGEST_WAIT);
        self.inner.seen(request);
        let anew;
        let mut request = request;
        if let Some(since) = request.since {
            self.inner.acknowledge(request, since).await?;
            if self.inner.store.is_lost(since.position).await? {
                // It has seen what a restore has lost: everything is told anew.
                anew = SyncRequest { since: Some(SyncToken { position: Position(0), ..since }), ..request.clone() };
                request = &anew;
            }
        }
        let mut waiter = None;
        loop {
            let built = self.inner.build(request).await?;
            if !built.is_empty || request.since.is_none() || request.full_state || Instant::now() >= deadline {
                return Ok(built.response);
            }
            if waiter.as_ref().is_none_or(|known: &notifier::Waiter| !known.waits_for(&built.rooms)) {
                waiter = Some(self.inner.notifier.wait_for(request.user_id.as_str(), &built.rooms));
                // What came since was not told to this waiter.
                if self.inner.notifier.position() > built.token.position || self.inner.lossy.last() > built.token.lossy
                {
                    continue;
                }
            }
            let Some(waiter) = &waiter else { continue };
            if tokio::time::timeout_at(deadline, waiter.woken()).await.is_err() {
                return Ok(built.response);
            }
        }
    }
}
