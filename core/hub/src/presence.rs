//! Presence: lossy, in memory, told to whoever watches.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use ruma::presence::PresenceState;
use ruma::{OwnedUserId, UserId};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::lossy::Lossy;
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

impl Presence {
    /// As clients and appservices get it.
    pub(crate) fn event(&self, user_id: &UserId) -> Value {
        let mut content = json!({
            "presence": self.state,
            "last_active_ago": (now_ms() - self.last_active).max(0),
            "currently_active": self.state == PresenceState::Online,
        });
        if let Some(status) = &self.status_msg {
            content["status_msg"] = status.as_str().into();
        }
        json!({ "type": "m.presence", "sender": user_id, "content": content })
    }
}

/// What all users were last seen as.
#[derive(Clone)]
pub struct Presences {
    /// with the count of the change
    known: Arc<RwLock<HashMap<OwnedUserId, (u64, Presence)>>>,
    lossy: Lossy,
    changes: broadcast::Sender<OwnedUserId>,
    /// nobody's presence is kept or told
    is_off: bool,
}

impl Presences {
    pub fn new(lossy: Lossy) -> Self {
        Self { known: Arc::default(), lossy, changes: broadcast::channel(WATCHED).0, is_off: false }
    }

    /// Keeps nothing and tells nobody, unless `enabled`.
    pub fn only_if(self, enabled: bool) -> Self {
        Self { is_off: !enabled, ..self }
    }

    /// None: not seen since the start.
    pub fn get(&self, user_id: &UserId) -> Option<Presence> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(user_id).map(|(_, presence)| presence.clone())
    }

    pub fn set(&self, user_id: &UserId, state: PresenceState, status_msg: Option<String>) {
        if self.is_off {
            return;
        }
        let presence = Presence { state, status_msg, last_active: now_ms() };
        {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            known.insert(user_id.to_owned(), (self.lossy.next(), presence));
        }
        // Nobody may be watching.
        let _ = self.changes.send(user_id.to_owned());
    }

    /// Changed after a mark, in order, with the count of each change.
    pub fn changed_after(&self, mark: u64) -> Vec<(u64, OwnedUserId)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let changed = known.iter().filter(|(_, (count, _))| *count > mark);
        let mut changed: Vec<_> = changed.map(|(user_id, (count, _))| (*count, user_id.clone())).collect();
        changed.sort_unstable();
        changed
    }

    /// Users whose presence changes from now on.
    pub fn watch(&self) -> broadcast::Receiver<OwnedUserId> {
        self.changes.subscribe()
    }
}
