//! Sync tokens: `s{position}_{lossy}`, a position in the log and a mark of what may be lost.

use std::fmt;
use std::str::FromStr;

use causeway_store::Position;

use crate::timelines::TokenError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncToken {
    pub position: Position,
    /// of typing and presence
    pub lossy: u64,
}

impl FromStr for SyncToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let parse = || {
            let (position, lossy) = text.strip_prefix('s')?.split_once('_')?;
            let position = position.parse().ok().filter(|position| *position >= 0)?;
            Some(Self { position: Position(position), lossy: lossy.parse().ok()? })
        };
        parse().ok_or_else(|| TokenError(text.to_owned()))
    }
}

impl fmt::Display for SyncToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}_{}", self.position.0, self.lossy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_round_trips_and_others_are_refused() {
        let token = SyncToken { position: Position(17), lossy: 1_790_000_000_000 };
        assert_eq!(token.to_string().parse::<SyncToken>().unwrap(), token);
        for bad in ["", "s", "s1", "p1_2", "s1_", "s-1_2", "sx_2"] {
            assert!(bad.parse::<SyncToken>().is_err(), "{bad:?}");
        }
    }
}
