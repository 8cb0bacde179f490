//! Which logins are abreast of the room, in a shared chat of a network whose lines have ids but can't be fetched again.
//!
//! ```text
//!   alice  … 33 34 35 36      abreast: her copies come in order, and each line is taken from whoever has it first
//!   bob          34 35 36     came later: held, until the room has one of his lines; from there on he is abreast too
//! ```
//!
//! Without that, who came later and is quicker would bring 36 before 33.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use crate::connector::{LoginId, RemoteEvent};

/// Keys that are remembered; every login's copy of a line comes within so many lines.
const RECENT: usize = 4_096;
/// Copies held for each login that isn't abreast.
const HELD: usize = 2_000;

/// What a login's copy of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copy {
    /// the room has the line
    Known,
    /// the next line of the room
    Next,
    /// perhaps behind lines that others have not brought yet
    Early,
}

/// Something with a key of its own.
pub trait Line {
    fn key(&self) -> &str;
}

impl Line for RemoteEvent {
    fn key(&self) -> &str {
        &self.key
    }
}

#[derive(Debug)]
pub struct Abreast<T> {
    logins: BTreeSet<LoginId>,
    held: BTreeMap<LoginId, VecDeque<T>>,
    recent: HashSet<String>,
    /// of `recent`, oldest first
    order: VecDeque<String>,
}

impl<T> Default for Abreast<T> {
    fn default() -> Self {
        Self { logins: BTreeSet::new(), held: BTreeMap::new(), recent: HashSet::new(), order: VecDeque::new() }
    }
}

impl<T: Line + Clone> Abreast<T> {
    /// Asked for each copy, in each login's order; who comes first needs no other.
    pub fn copy(&self, login: &LoginId, key: &str) -> Copy {
        if self.has(key) {
            Copy::Known
        } else if self.logins.is_empty() || self.logins.contains(login) {
            Copy::Next
        } else {
            Copy::Early
        }
    }

    /// Whether the room has the line, as far as is remembered.
    pub fn has(&self, key: &str) -> bool {
        self.recent.contains(key)
    }

    /// A copy of the login's is one that the room has. What it held is older: of a time before anybody was abreast.
    pub fn meets(&mut self, login: &LoginId) {
        if self.logins.insert(login.clone()) {
            self.held.remove(login);
        }
    }

    /// Keeps an early copy.
    pub fn hold(&mut self, login: &LoginId, copy: T) {
        let held = self.held.entry(login.clone()).or_default();
        if held.len() == HELD {
            held.pop_front();
        }
        held.push_back(copy);
    }

    /// The room has a line.
    pub fn brought(&mut self, key: &str) {
        if !self.recent.insert(key.to_owned()) {
            return;
        }
        self.order.push_back(key.to_owned());
        if self.order.len() > RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.recent.remove(&oldest);
        }
    }

    /// A login whose held copies have met the room, with those behind that. It is abreast once [`Self::meets`] says so.
    pub fn catching_up(&self) -> Option<(LoginId, Vec<T>)> {
        self.held.iter().find_map(|(login, held)| {
            let met = held.iter().rposition(|copy| self.has(copy.key()))?;
            Some((login.clone(), held.iter().skip(met + 1).cloned().collect()))
        })
    }

    /// Nothing more comes through this login. Where nobody is abreast now, whoever holds something is, and begins with it.
    pub fn gone(&mut self, login: &LoginId) -> Option<(LoginId, Vec<T>)> {
        self.held.remove(login);
        if !self.logins.remove(login) || !self.logins.is_empty() {
            return None;
        }
        let (successor, held) = self.held.pop_first()?;
        self.logins.insert(successor.clone());
        Some((successor, held.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(name: &str) -> LoginId {
        name.into()
    }

    impl Line for &'static str {
        fn key(&self) -> &str {
            self
        }
    }

    /// Alice has brought these lines.
    fn brought(keys: &[&str]) -> Abreast<&'static str> {
        let mut abreast = Abreast::default();
        for key in keys {
            assert_eq!(abreast.copy(&login("alice"), key), Copy::Next);
            abreast.meets(&login("alice"));
            abreast.brought(key);
        }
        abreast
    }

    #[test]
    fn who_came_later_waits_until_the_room_has_one_of_its_lines() {
        let (alice, bob) = (login("alice"), login("bob"));
        let mut abreast = brought(&["33"]);
        for key in ["35", "36", "37"] {
            assert_eq!(abreast.copy(&bob, key), Copy::Early);
            abreast.hold(&bob, key);
        }
        for key in ["34", "35"] {
            assert_eq!(abreast.catching_up(), None);
            assert_eq!(abreast.copy(&alice, key), Copy::Next);
            abreast.brought(key);
        }
        assert_eq!(abreast.catching_up(), Some((bob.clone(), vec!["36", "37"])));
        abreast.meets(&bob);
        assert_eq!(abreast.copy(&bob, "38"), Copy::Next);
        assert_eq!(abreast.catching_up(), None);
    }

    #[test]
    fn what_was_before_the_first_known_line_is_dropped() {
        let bob = login("bob");
        let mut abreast = brought(&["34", "35"]);
        assert_eq!(abreast.copy(&bob, "33"), Copy::Early);
        abreast.hold(&bob, "33");
        assert_eq!(abreast.copy(&bob, "34"), Copy::Known);
        abreast.meets(&bob);
        assert_eq!(abreast.gone(&login("alice")), None);
        assert_eq!(abreast.copy(&bob, "36"), Copy::Next);
    }

    #[test]
    fn the_last_ones_successor_begins_with_what_it_holds() {
        let bob = login("bob");
        let mut abreast = brought(&["33"]);
        assert_eq!(abreast.copy(&bob, "35"), Copy::Early);
        abreast.hold(&bob, "35");
        assert_eq!(abreast.gone(&login("alice")), Some((bob.clone(), vec!["35"])));
        assert_eq!(abreast.copy(&bob, "36"), Copy::Next);
    }
}
