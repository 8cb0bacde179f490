//! Pagination tokens: a place in a room's timeline (`p42`), between the event there and the one before it. Where a
//! sync token (`s…`) is given instead, it stands for the place that the sync had reached.

use std::fmt;

use causeway_store::{Place, Position, RoomNid, StoreError};

use super::Timelines;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    Place(Place),
    Position(Position),
}

/// 400 `M_INVALID_PARAM`
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a pagination token of this server")]
pub struct TokenError(pub String);

impl Token {
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let bad = || TokenError(text.to_owned());
        match text.split_at_checked(1) {
            Some(("p", place)) => place.parse().map(|place| Self::Place(Place(place))).map_err(|_| bad()),
            Some(("s", rest)) => {
                let position = rest.split('_').next().unwrap_or_default();
                position.parse().map(|position| Self::Position(Position(position))).map_err(|_| bad())
            }
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(place) => write!(f, "p{}", place.0),
            Self::Position(position) => write!(f, "s{}", position.0),
        }
    }
}

impl Timelines {
    /// The place that a token stands for in a room.
    pub async fn place(&self, room: RoomNid, token: Token) -> Result<Place, StoreError> {
        match token {
            Token::Place(place) => Ok(place),
            Token::Position(position) => self.store.place_after(room, position).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_others_are_refused() {
        for token in [Token::Place(Place(0)), Token::Place(Place(-7)), Token::Position(Position(12))] {
            assert_eq!(Token::parse(&token.to_string()).unwrap(), token);
        }
        assert_eq!(Token::parse("s12_99").unwrap(), Token::Position(Position(12)));
        for bad in ["", "p", "q1", "p1x", "é"] {
            assert!(Token::parse(bad).is_err(), "{bad:?}");
        }
    }
}
