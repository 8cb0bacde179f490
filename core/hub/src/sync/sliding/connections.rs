//! What each connection has been sent. In memory; of each the last two answers, since the last may have got lost.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use causeway_store::{Position, RoomNid};
use rpds::HashTrieMapSync;
use ruma::OwnedUserId;

use super::SyncToken;
use crate::time::now_ms;

/// Connections remembered before all are forgotten.
const CONNECTIONS: usize = 10_000;

/// (user, device, the client's own name for it)
pub(super) type Key = (OwnedUserId, String, String);

/// The client's `pos` is of no answer that is remembered: it begins anew.
#[derive(Debug, thiserror::Error)]
#[error("this pos is not known any more; begin a new connection")]
pub struct UnknownPos;

/// What a client has.
#[derive(Clone, Default)]
pub(super) struct State {
    pub token: Option<SyncToken>,
    pub rooms: HashTrieMapSync<RoomNid, Arc<Sent>>,
    /// those that were in a window or subscribed to
    pub relevant: Arc<HashSet<RoomNid>>,
}

/// What a client has of one room.
pub(super) struct Sent {
    /// all that was before
    pub until: Position,
    pub membership: Arc<str>,
    pub timeline_limit: usize,
    pub required_state: Arc<BTreeSet<(String, String)>>,
    /// members that came for themselves, not because all were wanted
    pub members: Arc<HashSet<String>>,
}

pub(crate) struct Connections {
    by_key: Mutex<Known>,
}

struct Known {
    /// grows over restarts too, so that no `pos` of before is taken for one of now
    next: u64,
    by_key: HashMap<Key, Vec<(u64, Arc<State>)>>,
}

impl Default for Connections {
    fn default() -> Self {
        let next = now_ms().unsigned_abs() << 12;
        Self { by_key: Mutex::new(Known { next, by_key: HashMap::new() }) }
    }
}

impl Connections {
    /// What the client has that comes with this `pos`; none: nothing.
    pub(super) fn begin(&self, key: &Key, pos: Option<&str>) -> Result<Arc<State>, UnknownPos> {
        let mut known = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pos) = pos else {
            known.by_key.remove(key);
            return Ok(Arc::default());
        };
        let pos: u64 = pos.parse().map_err(|_| UnknownPos)?;
        let answers = known.by_key.get_mut(key).ok_or(UnknownPos)?;
        let found = answers.iter().find(|(serial, _)| *serial == pos).cloned().ok_or(UnknownPos)?;
        // It has this one, and what came later it has not got.
        answers.retain(|(serial, _)| *serial == pos);
        Ok(found.1)
    }

    /// The `pos` of an answer.
    pub(super) fn finish(&self, key: Key, state: State) -> String {
        let mut known = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if known.by_key.len() >= CONNECTIONS {
            known.by_key.clear();
        }
        known.next += 1;
        let serial = known.next;
        let answers = known.by_key.entry(key).or_default();
        if answers.len() > 1 {
            answers.remove(0);
        }
        answers.push((serial, Arc::new(state)));
        serial.to_string()
    }
}

#[cfg(test)]
mod tests {
    use ruma::owned_user_id;

    use super::*;

    #[test]
    fn the_last_answer_and_the_one_before_are_known_and_none_older() {
        let connections = Connections::default();
        let key = || (owned_user_id!("@a:b"), "D".to_owned(), String::new());
        let state =
            |position| State { token: Some(SyncToken { position: Position(position), lossy: 0 }), ..State::default() };
        let position = |pos: &str| connections.begin(&key(), Some(pos)).map(|state| state.token.unwrap().position.0);
        assert!(connections.begin(&key(), None).unwrap().token.is_none());
        let one = connections.finish(key(), state(1));
        let two = connections.finish(key(), state(2));
        assert_eq!(position(&one).unwrap(), 1, "the second answer was lost");
        assert!(position(&two).is_err());
        let two = connections.finish(key(), state(2));
        assert_eq!(position(&two).unwrap(), 2);
        assert!(position(&one).is_err());
        assert!(position("x").is_err());
        connections.begin(&key(), None).unwrap();
        assert!(position(&two).is_err(), "a new connection takes the place of the old one");
    }
}
