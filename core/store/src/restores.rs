//! What was lost when the database was restored from a backup.

use crate::{Position, Row, Store, StoreError};

const SELECT: &str = "select kept, until from restores";

/// Positions after `kept` and before `until` were given to what is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Restore {
    kept: Position,
    until: Position,
}

impl Store {
    /// Whether whoever has seen the log up to here has seen what a restore has lost.
    pub async fn is_lost(&self, position: Position) -> Result<bool, StoreError> {
        // Nothing is added while a hub runs.
        let restores = self.shared().restores.get_or_try_init(|| async {
            self.fetch(SELECT, vec![]).await?.iter().map(Restore::read).collect::<Result<Vec<_>, _>>()
        });
        Ok(restores.await?.iter().any(|restore| position > restore.kept && position < restore.until))
    }
}

impl Restore {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { kept: Position(row.get(0)?), until: Position(row.get(1)?) })
    }
}
