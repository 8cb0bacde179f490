//! The audit log: changes of registrations, and appservices that act as users they did not make.

use crate::{Row, Statement, Store, StoreError, values};

const LIST: &str = "select number, at, actor, action, registration, detail from audit where number < $1 \
         order by number desc limit $2";
const LIST_OF: &str = "select number, at, actor, action, registration, detail from audit \
         where registration = $3 and number < $1 order by number desc limit $2";
const PUT: &str = "insert into audit (number, at, actor, action, registration, detail) \
         select coalesce(max(number), 0) + 1, cast($1 as bigint), cast($2 as text), cast($3 as text), \
         cast($4 as text), cast($5 as text) from audit";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[LIST, LIST_OF, PUT];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// in the order in which it happened
    pub number: i64,
    /// milliseconds since the Unix epoch
    pub at: i64,
    pub actor: String,
    pub action: String,
    pub registration: String,
    pub detail: String,
}

impl Store {
    /// The newest first: those before a number, of one registration or of all.
    pub async fn audit(
        &self,
        registration: Option<&str>,
        before: i64,
        limit: i64,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let rows = match registration {
            Some(registration) => self.fetch(LIST_OF, values![before, limit, registration]).await?,
            None => self.fetch(LIST, values![before, limit]).await?,
        };
        rows.iter().map(AuditRow::read).collect()
    }
}

/// Commit it with what it tells of.
pub fn audit(at: i64, actor: &str, action: &str, registration: &str, detail: &str) -> Statement {
    Statement::new(PUT, values![at, actor, action, registration, detail])
}

impl AuditRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            number: row.get(0)?,
            at: row.get(1)?,
            actor: row.get(2)?,
            action: row.get(3)?,
            registration: row.get(4)?,
            detail: row.get(5)?,
        })
    }
}
