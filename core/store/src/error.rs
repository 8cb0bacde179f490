//! What can go wrong with a database.

use std::error::Error;
use std::sync::Arc;

type Source = Box<dyn Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away or its answer got lost; it may be back for the next call.
    #[error("the database does not answer")]
    Driver(#[source] Source),
    /// The disk is full. Nothing was written.
    #[error("the database cannot grow; free some disk space")]
    Full(#[source] Source),
    /// The statement itself was refused (a constraint, a type).
    #[error("the database refused a statement")]
    Refused(#[source] Source),
    #[error("inconsistent data: {what}")]
    Inconsistent {
        what: String,
        #[source]
        source: Option<Source>,
    },
    /// Another process writes to it.
    #[error("another hub has the database {0}; stop that one, or give this one a database of its own")]
    Occupied(String),
    /// Another hub has written to it while this one had lost its connection.
    #[error("another hub has taken over the database; end this one")]
    Superseded,
    /// The store is being closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether a later attempt may succeed without anybody changing the request: answered with 503.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Driver(_) | Self::Full(_) | Self::Occupied(_) | Self::Superseded | Self::Closed)
    }

    pub(crate) fn inconsistent(what: impl Into<String>) -> Self {
        Self::Inconsistent { what: what.into(), source: None }
    }

    /// One error for all members of a group.
    pub(crate) fn shared(source: &Arc<sqlx::Error>) -> Self {
        let boxed: Source = Box::new(Arc::clone(source));
        match Trouble::of(source) {
            Trouble::Statement => Self::Refused(boxed),
            Trouble::Full => Self::Full(boxed),
            Trouble::Away => Self::Driver(boxed),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        Self::shared(&Arc::new(source))
    }
}

/// Whose fault an error of the driver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// a statement's own: running it again changes nothing
    Statement,
    Full,
    Away,
}

impl Trouble {
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        let Some(error) = error.as_database_error() else {
            return match error {
                sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => Self::Statement,
                _ => Self::Away,
            };
        };
        let code = error.code().unwrap_or_default();
        if let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
            // https://www.postgresql.org/docs/15/errcodes-appendix.html: the class is in the first two characters
            return match &error.code()[..2] {
                "22" | "23" | "42" | "44" | "21" | "0A" | "P0" => Self::Statement,
                "53" if error.code() == "53100" => Self::Full,
                _ => Self::Away,
            };
        }
        // https://sqlite.org/rescode.html: the primary code is in the low byte
        match code.parse::<i32>().map(|code| code & 0xff) {
            Ok(13) => Self::Full,
            Ok(1 | 18 | 19 | 20 | 25) => Self::Statement,
            _ => Self::Away,
        }
    }
}
