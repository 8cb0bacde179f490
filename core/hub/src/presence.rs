//! Presence: lossy, in memory, told to whoever watches.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use ruma::presence::PresenceState;
use ruma::{OwnedUserId, UserId};
use tokio::sync::broadcast;

use crate::time::now_ms;

/// Changes that a slow watcher may be behind.
const WATCHED: usize = 256;

#[derive(Clone, Debug)]
pub struct Presence {
    pub state: PresenceState,
    pub status_msg: Option<String>,
    /// milliseconds since the Unix epoch
    pub last_active: i64,
}

/// What all users were last seen as.
#[derive(Clone)]
pub struct Presences {
    known: Arc<RwLock<HashMap<OwnedUserId, Presence>>>,
    changes: broadcast::Sender<OwnedUserId>,
}

impl Default for Presences {
    fn default() -> Self {
        Self { known: Arc::default(), changes: broadcast::channel(WATCHED).0 }
    }
}

impl Presences {
    /// None: not seen since the start.
    pub fn get(&self, user_id: &UserId) -> Option<Presence> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(user_id).cloned()
    }

    pub fn set(&self, user_id: &UserId, state: PresenceState, status_msg: Option<String>) {
        let presence = Presence { state, status_msg, last_active: now_ms() };
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(user_id.to_owned(), presence);
        // Nobody may be watching.
        let _ = self.changes.send(user_id.to_owned());
    }

    /// Users whose presence changes from now on.
    pub fn watch(&self) -> broadcast::Receiver<OwnedUserId> {
        self.changes.subscribe()
    }
}
