//! Which login is believed in a shared chat of a network that gives its messages no ids (design §6).
//!
//! ```text
//!   listener  ──a──b─────✝
//!   another   ──a──b──c──d      held: c d   (a, b were dropped when the listener showed life after them)
//!   room        a  b  «lines may be missing or doubled»  c  d  …
//! ```
//!
//! A listener that hears nothing after a held copy may be alone in not hearing it, so it is asked for a sign of life.

use std::time::{Duration, Instant};

use crate::connector::LoginId;

/// Copies held for each login that is not the listener.
const HELD: usize = 2_000;
/// How long a copy is held before the listener is asked whether it lives.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the listener has for its answer.
const SILENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Election<T> {
    listener: Option<LoginId>,
    held: Vec<Held<T>>,
    /// when the listener was asked for a sign of life that it has not given yet
    asked: Option<Instant>,
}

#[derive(Debug)]
struct Held<T> {
    holder: LoginId,
    copy: T,
    since: Instant,
    /// it was here when the listener was asked
    is_asked_about: bool,
}

/// What is to be done about a listener while copies are held.
#[derive(Debug, PartialEq, Eq)]
pub enum Doubt {
    Nothing,
    /// ask it for a sign of life
    Ask(LoginId),
    /// it was asked, and did not answer
    Silent(LoginId),
}

impl<T> Default for Election<T> {
    fn default() -> Self {
        Self { listener: None, held: Vec::new(), asked: None }
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
        if self.held.iter().filter(|held| held.holder == *login).count() < HELD {
            let since = Instant::now();
            self.held.push(Held { holder: login.clone(), copy, since, is_asked_about: false });
        }
    }

    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// When to look at the listener next.
    pub fn due(&self) -> Option<Instant> {
        let first = self.held.first()?;
        Some(self.asked.map_or(first.since + PATIENCE, |asked| asked + SILENCE))
    }

    /// Looks at the listener; when it is to be asked, that is noted.
    pub fn doubt(&mut self, now: Instant) -> Doubt {
        let (Some(listener), Some(due)) = (&self.listener, self.due()) else { return Doubt::Nothing };
        if now < due {
            return Doubt::Nothing;
        }
        if self.asked.is_some() {
            return Doubt::Silent(listener.clone());
        }
        self.asked = Some(now);
        self.held.iter_mut().for_each(|held| held.is_asked_about = true);
        Doubt::Ask(listener.clone())
    }

    /// The network answered this login: it has heard all that was said before it was asked.
    pub fn answers(&mut self, login: &LoginId) {
        if self.listener.as_ref() == Some(login) && self.asked.take().is_some() {
            self.held.retain(|held| !held.is_asked_about);
        }
    }

    /// Something came over this login's connection.
    pub fn lives(&mut self, login: &LoginId) {
        if self.listener.as_ref() == Some(login) {
            self.held.clear();
            self.asked = None;
        }
    }

    /// This login hears nothing any more. Answers who takes over, where somebody does.
    pub fn dies(&mut self, login: &LoginId, alive: impl Fn(&LoginId) -> bool) -> Option<Succession<T>> {
        if self.listener.as_ref() != Some(login) {
            self.held.retain(|held| held.holder != *login);
            return None;
        }
        self.asked = None;
        self.listener = self.held.iter().map(|held| &held.holder).find(|holder| alive(holder)).cloned();
        let held = std::mem::take(&mut self.held);
        let successor = self.listener.clone()?;
        let held = held.into_iter().filter(|held| held.holder == successor).map(|held| held.copy).collect();
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

    #[test]
    fn a_listener_is_asked_once_and_its_answer_is_about_what_was_held_then() {
        let (a, b) = (login("a"), login("b"));
        let mut election = Election::default();
        assert!(election.believes(&a));
        let now = Instant::now();
        assert_eq!(election.doubt(now + SILENCE), Doubt::Nothing);
        election.hold(&b, 1);
        assert_eq!(election.doubt(now), Doubt::Nothing);
        let later = Instant::now() + PATIENCE;
        assert_eq!(election.doubt(later), Doubt::Ask(a.clone()));
        assert_eq!(election.doubt(later + PATIENCE), Doubt::Nothing);
        election.hold(&b, 2);
        election.answers(&b);
        election.answers(&a);
        assert_eq!(election.dies(&a, |_| true), Some(Succession { successor: b, held: vec![2] }));
    }

    #[test]
    fn a_listener_that_does_not_answer_is_silent() {
        let mut election = Election::default();
        assert!(election.believes(&login("a")));
        election.hold(&login("b"), 1);
        let later = Instant::now() + PATIENCE;
        assert_eq!(election.doubt(later), Doubt::Ask(login("a")));
        assert_eq!(election.doubt(later + SILENCE), Doubt::Silent(login("a")));
    }
}
