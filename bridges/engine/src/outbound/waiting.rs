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
use std::ops::Bound;

use causeway_store::Position;

use crate::connector::LoginId;

#[derive(Default)]
pub(crate) struct Waiting(BTreeMap<(LoginId, Position), Wait>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub room: String,
    /// the event whose end is waited for; none where another that waits in the room stands before
    pub target: Option<String>,
    /// what follows in the room waits too; not behind what is about another login's message, which may be away for long
    pub holds_room: bool,
    /// The router was told to offer it again. It stands here until that has come, so that nothing overtakes it.
    pub is_woken: bool,
}

impl Wait {
    pub fn new(room: String, target: Option<String>, holds_room: bool) -> Self {
        Self { room, target, holds_room, is_woken: false }
    }
}

impl Waiting {
    /// Whether that is news: then its target may have ended before it was added.
    pub fn add(&mut self, login: &LoginId, position: Position, wait: Wait) -> bool {
        let is_known = self.0.get(&(login.clone(), position)) == Some(&wait);
        if !is_known {
            self.0.insert((login.clone(), position), wait);
        }
        !is_known
    }

    /// An event has come to its end. Answers what waited for that, with all behind it in the same room of the same login.
    pub fn wake(&mut self, event_id: &str) -> Vec<(LoginId, Position)> {
        let mut rooms: Vec<(LoginId, String)> = Vec::new();
        let mut woken = Vec::new();
        for ((login, position), wait) in &mut self.0 {
            let is_for = wait.target.as_deref() == Some(event_id);
            let is_behind = wait.target.is_none() && rooms.iter().any(|(of, room)| of == login && *room == wait.room);
            if wait.is_woken || !(is_for || is_behind) {
                continue;
            }
            if is_for && wait.holds_room {
                rooms.push((login.clone(), wait.room.clone()));
            }
            wait.is_woken = true;
            woken.push((login.clone(), *position));
        }
        woken
    }

    /// Answers what stood only behind others of its room that are all gone by now.
    pub fn free(&mut self) -> Vec<(LoginId, Position)> {
        let mut rooms: Vec<(LoginId, String)> = Vec::new();
        let mut freed = Vec::new();
        for ((login, position), wait) in &mut self.0 {
            let is_behind = rooms.iter().any(|(of, room)| of == login && *room == wait.room);
            if wait.target.is_none() && !wait.is_woken && !is_behind {
                wait.is_woken = true;
                freed.push((login.clone(), *position));
            } else if wait.holds_room && !is_behind {
                rooms.push((login.clone(), wait.room.clone()));
            }
        }
        freed
    }

    /// All that waits is offered again.
    pub fn wake_all(&mut self, login: &LoginId) -> Vec<Position> {
        let of_login = self.0.iter_mut().filter(|((of, _), _)| of == login);
        of_login
            .map(|((_, position), wait)| {
                wait.is_woken = true;
                *position
            })
            .collect()
    }

    /// Whether something earlier in this room waits, or has not been offered again yet.
    pub fn is_before(&self, login: &LoginId, room: &str, position: Position) -> bool {
        let first = (login.clone(), Position(i64::MIN));
        let mut earlier = self.0.range((Bound::Included(first), Bound::Excluded((login.clone(), position))));
        earlier.any(|(_, wait)| wait.holds_room && wait.room == room)
    }

    pub fn remove(&mut self, login: &LoginId, position: Position) {
        self.0.remove(&(login.clone(), position));
    }

    pub fn forget(&mut self, login: &LoginId) {
        self.0.retain(|(of, _), _| of != login);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(target: Option<&str>, holds_room: bool) -> Wait {
        Wait::new("!room".into(), target.map(str::to_owned), holds_room)
    }

    #[test]
    fn nothing_overtakes_what_is_woken_and_not_offered_yet() {
        let login = LoginId::from("alice");
        let mut waiting = Waiting::default();
        assert!(waiting.add(&login, Position(2), wait(Some("$m"), true)));
        assert!(waiting.add(&login, Position(3), wait(None, true)));
        assert!(!waiting.add(&login, Position(3), wait(None, true)));
        let both = [(login.clone(), Position(2)), (login.clone(), Position(3))];
        assert_eq!(waiting.wake("$m"), both);
        assert_eq!(waiting.wake("$m"), []);
        assert!(waiting.is_before(&login, "!room", Position(4)));
        assert!(!waiting.is_before(&login, "!other", Position(4)));
        waiting.remove(&login, Position(2));
        waiting.remove(&login, Position(3));
        assert!(!waiting.is_before(&login, "!room", Position(4)));
    }

    #[test]
    fn what_is_about_another_logins_message_holds_nobody_up() {
        let login = LoginId::from("alice");
        let mut waiting = Waiting::default();
        waiting.add(&login, Position(2), wait(Some("$his"), false));
        waiting.add(&login, Position(3), wait(Some("$mine"), true));
        assert!(!waiting.is_before(&login, "!room", Position(3)));
        assert_eq!(waiting.wake("$his"), [(login.clone(), Position(2))]);
    }
}
