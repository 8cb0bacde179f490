//! Which names are the same: nicks and channels are compared after folding by the network's CASEMAPPING.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CaseMapping {
    Ascii,
    /// `{}|^` are the lower case of `[]\~`; what a network has that does not say
    #[default]
    Rfc1459,
    /// as `Rfc1459` without `^` and `~`
    Rfc1459Strict,
    /// PRECIS and the like: Unicode lower case
    Unicode,
}

impl CaseMapping {
    /// From the value of ISUPPORT's CASEMAPPING.
    pub fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "ascii" => Self::Ascii,
            "rfc1459-strict" | "strict-rfc1459" => Self::Rfc1459Strict,
            "rfc7613" | "rfc8265" | "precis" => Self::Unicode,
            _ => Self::Rfc1459,
        }
    }

    pub fn fold(self, name: &str) -> String {
        match self {
            Self::Unicode => name.to_lowercase(),
            _ => name.chars().map(|c| self.fold_char(c)).collect(),
        }
    }

    fn fold_char(self, c: char) -> char {
        match c {
            '[' | ']' | '\\' if self != Self::Ascii => char::from(c as u8 + 32),
            '~' if self == Self::Rfc1459 => '^',
            _ => c.to_ascii_lowercase(),
        }
    }

    pub fn same(self, a: &str, b: &str) -> bool {
        self.fold(a) == self.fold(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mapping_folds_its_own_characters() {
        assert_eq!(CaseMapping::Ascii.fold("Nick[]\\~^"), "nick[]\\~^");
        assert_eq!(CaseMapping::Rfc1459.fold("Nick[]\\~^"), "nick{}|^^");
        assert_eq!(CaseMapping::Rfc1459Strict.fold("Nick[]\\~^"), "nick{}|~^");
        assert_eq!(CaseMapping::Unicode.fold("ÄB"), "äb");
        assert_eq!(CaseMapping::Ascii.fold("Äb"), "Äb");
    }

    #[test]
    fn an_unknown_name_is_rfc1459() {
        assert_eq!(CaseMapping::named("martian"), CaseMapping::Rfc1459);
        assert_eq!(CaseMapping::named("ASCII"), CaseMapping::Ascii);
    }
}
