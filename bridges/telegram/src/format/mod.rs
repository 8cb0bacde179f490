//! Telegram's entities and Matrix's HTML, each from the other.

mod from_html;
mod split;
mod to_html;

pub use from_html::from_html;
pub use split::split;
pub use to_html::to_html;

use crate::api::Entity;

/// A text with its entities.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Formatted {
    pub text: String,
    pub entities: Vec<Entity>,
}

impl Formatted {
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), entities: Vec::new() }
    }

    pub fn units(&self) -> usize {
        units(&self.text)
    }

    /// The other one behind this.
    pub fn push(&mut self, other: Self) {
        let by = self.units();
        self.text.push_str(&other.text);
        self.entities.extend(other.entities.into_iter().map(|entity| Entity { offset: entity.offset + by, ..entity }));
    }

    /// All of it in this, too.
    pub fn within(mut self, kind: &str) -> Self {
        let length = self.units();
        if length > 0 {
            self.entities.insert(0, Entity { kind: kind.to_owned(), length, ..Entity::default() });
        }
        self
    }
}

/// Telegram counts in UTF-16 code units.
pub fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}
