//! Which login is believed in a shared chat of a network that gives its messages no ids (design §6).
//!
//! ```text
//!   listener  ──a──b─────✝
//!   another   ──a──b──c──d      held: c d   (a, b were dropped when the listener showed life after them)
//!   room        a  b  «lines may be missing or doubled»  c  d  …
//! ```

use crate::connector::LoginId;

/// Copies held for each login that is not the listener.
const HELD: usize = 2_000;

#[derive(Debug)]
pub struct Election<T> {
    listener: Option<LoginId>,
    held: Vec<(LoginId, T)>,
}

impl<T> Default for Election<T> {
    fn default() -> Self {
        Self { listener: None, held: Vec::new() }
    }
}

/// The listener is dead; this login takes over.
#[derive(Debug, PartialEq, Eq)]
pub struct Succession<T> {
    pub successor: LoginId,
    /// what it heard since the listener's last sign of life
    pub held: Vec<T>,
}

impl<T> Election<T> {
    /// Whether what this login hears is believed. The first that is heard is elected.
    pub fn believes(&mut self, login: &LoginId) -> bool {
        self.listener.get_or_insert_with(|| login.clone()) == login
    }

    /// Keeps the copy of a login that is not believed.
    pub fn hold(&mut self, login: &LoginId, copy: T) {
        if self.held.iter().filter(|(holder, _)| holder == login).count() < HELD {
            self.held.push((login.clone(), copy));
        }
    }

    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Something came over this login's connection.
    pub fn lives(&mut self, login: &LoginId) {
        if self.listener.as_ref() == Some(login) {
            self.held.clear();
        }
    }

    /// This login hears nothing any more. Answers who takes over, where somebody does.
    pub fn dies(&mut self, login: &LoginId, alive: impl Fn(&LoginId) -> bool) -> Option<Succession<T>> {
        if self.listener.as_ref() != Some(login) {
            self.held.retain(|(holder, _)| holder != login);
            return None;
        }
        self.listener = self.held.iter().map(|(holder, _)| holder).find(|holder| alive(holder)).cloned();
        let held = std::mem::take(&mut self.held);
        let successor = self.listener.clone()?;
        let held = held.into_iter().filter(|(holder, _)| *holder == successor).map(|(_, copy)| copy).collect();
        Some(Succession { successor, held })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(name: &str) -> LoginId {
        name.into()
    }

    #[test]
    fn the_first_is_believed_and_copies_lapse_with_its_next_sign_of_life() {
        let mut election = Election::default();
        assert!(election.believes(&login("a")));
        assert!(!election.believes(&login("b")));
        election.hold(&login("b"), 1);
        election.lives(&login("b"));
        assert_eq!(election.held.len(), 1);
        election.lives(&login("a"));
        assert!(election.held.is_empty());
    }

    #[test]
    fn a_successor_begins_with_what_it_holds_of_its_own() {
        let mut election = Election::default();
        assert!(election.believes(&login("a")));
        for (holder, copy) in [("b", 1), ("c", 1), ("b", 2)] {
            election.hold(&login(holder), copy);
        }
        let succession = election.dies(&login("a"), |_| true);
        assert_eq!(succession, Some(Succession { successor: login("b"), held: vec![1, 2] }));
        assert!(election.believes(&login("b")));
    }

    #[test]
    fn without_a_living_copy_the_next_that_is_heard_is_elected() {
        let mut election = Election::<u8>::default();
        assert!(election.believes(&login("a")));
        assert_eq!(election.dies(&login("a"), |_| true), None);
        assert!(election.believes(&login("c")));
    }
}
