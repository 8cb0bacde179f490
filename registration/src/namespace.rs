//! Namespaces: which users, aliases and rooms a registration is about.

use std::fmt;

use regex::{RegexSet, RegexSetBuilder};
use serde::Serialize;

use crate::pattern::{self, PatternError, SIZE_LIMIT};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Users,
    Aliases,
    Rooms,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Users, Self::Aliases, Self::Rooms];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Aliases => "aliases",
            Self::Rooms => "rooms",
        }
    }

    /// What ids of this kind begin with.
    pub fn sigil(self) -> char {
        match self {
            Self::Users => '@',
            Self::Aliases => '#',
            Self::Rooms => '!',
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One line of a registration's namespaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Namespace {
    /// as written in the file
    pub regex: String,
    /// nobody else may make ids that match
    pub exclusive: bool,
}

/// All patterns of one kind, matched in one pass that is linear in the id.
#[derive(Clone, Debug)]
pub struct NamespaceSet {
    list: Vec<Namespace>,
    set: RegexSet,
}

impl Default for NamespaceSet {
    fn default() -> Self {
        Self { list: Vec::new(), set: RegexSet::empty() }
    }
}

impl NamespaceSet {
    /// # Errors
    /// The number of the first pattern that is refused, and why.
    pub fn new(list: Vec<Namespace>) -> Result<Self, (usize, PatternError)> {
        let mut translated = Vec::with_capacity(list.len());
        for (number, namespace) in list.iter().enumerate() {
            translated.push(pattern::translate(&namespace.regex).map_err(|error| (number, error))?);
        }
        let set = RegexSetBuilder::new(translated)
            .size_limit(SIZE_LIMIT)
            .build()
            .map_err(|_| (list.len().saturating_sub(1), PatternError::TooLarge))?;
        Ok(Self { list, set })
    }

    /// `id` is the full id, with sigil and server.
    pub fn matches(&self, id: &str) -> bool {
        self.set.is_match(id)
    }

    /// Whether an exclusive pattern matches.
    pub fn is_exclusive(&self, id: &str) -> bool {
        self.set.matches(id).iter().any(|number| self.list[number].exclusive)
    }

    /// The numbers of the patterns that match, in the order of the file.
    pub fn matching(&self, id: &str) -> impl Iterator<Item = usize> {
        self.set.matches(id).into_iter()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Namespace> {
        self.list.iter()
    }
}

#[derive(Clone, Debug, Default)]
pub struct Namespaces {
    pub users: NamespaceSet,
    pub aliases: NamespaceSet,
    pub rooms: NamespaceSet,
}

impl Namespaces {
    pub fn of(&self, kind: Kind) -> &NamespaceSet {
        match kind {
            Kind::Users => &self.users,
            Kind::Aliases => &self.aliases,
            Kind::Rooms => &self.rooms,
        }
    }
}
