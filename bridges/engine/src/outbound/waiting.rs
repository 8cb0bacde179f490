//! Events about a message whose acknowledgement from the network is still to come (edits, reactions, redactions,
//! replies): they wait for it, and so does all that follows them in their room.
//!
//! ```text
//!   room     m ──────── edit of m ── n          (m: offered, not settled)
//!   sends    m pending  edit pending, attempt 0   n pending, attempt 0
//!   m is settled ──▶ the edit and n are offered, in this order
//! ```
//!
//! On disk they are pending rows of attempt 0; here is what wakes them.

use std::collections::BTreeMap;

use causeway_store::Position;

use crate::connector::LoginId;

#[derive(Default)]
pub(crate) struct Waiting(BTreeMap<(LoginId, Position), Wait>);

pub(crate) struct Wait {
    pub room: String,
    /// the event whose end is waited for; none where another that waits in the room stands before
    pub target: Option<String>,
}

impl Waiting {
    pub fn add(&mut self, login: &LoginId, position: Position, wait: Wait) {
        self.0.insert((login.clone(), position), wait);
    }

    /// Takes out what waits for the end of this event, with all that waits in the same room of the same login.
    pub fn take(&mut self, event_id: &str) -> Vec<(LoginId, Position)> {
        let is_for = |wait: &Wait| wait.target.as_deref() == Some(event_id);
        let rooms: Vec<(LoginId, String)> = self
            .0
            .iter()
            .filter(|(_, wait)| is_for(wait))
            .map(|((login, _), wait)| (login.clone(), wait.room.clone()))
            .collect();
        if rooms.is_empty() {
            return Vec::new();
        }
        let woken: Vec<(LoginId, Position)> = self
            .0
            .iter()
            .filter(|((login, _), wait)| rooms.iter().any(|(of, room)| of == login && *room == wait.room))
            .map(|(key, _)| key.clone())
            .collect();
        for key in &woken {
            self.0.remove(key);
        }
        woken
    }

    pub fn remove(&mut self, login: &LoginId, position: Position) {
        self.0.remove(&(login.clone(), position));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
