//! Registrations of application services, as their files say it.

use crate::{Row, Statement, Store, StoreError, values};

const SELECT: &str = "select id, document, source, added, changed, disabled from registrations order by id";
const PUT: &str = "insert into registrations (id, document, source, added, changed) values ($1, $2, $3, $4, $5) \
         on conflict (id) do update set document = excluded.document, source = excluded.source, \
         changed = excluded.changed, disabled = 0";
const DISABLE: &str = "update registrations set disabled = 1 where id = $1";
const DELETE: &str = "delete from registrations where id = $1";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[SELECT, PUT, DISABLE, DELETE];

#[derive(Clone, PartialEq, Eq)]
pub struct RegistrationRow {
    pub id: String,
    /// the YAML document, tokens included: never to be printed
    pub document: String,
    /// the configuration's file it came from
    pub source: Option<String>,
    /// milliseconds since the Unix epoch
    pub added: i64,
    pub changed: i64,
    /// removed while its file still names it
    pub disabled: bool,
}

impl Store {
    pub async fn registrations(&self) -> Result<Vec<RegistrationRow>, StoreError> {
        self.fetch(SELECT, vec![]).await?.iter().map(RegistrationRow::read).collect()
    }
}

/// Writes a registration; one of the same id is replaced. Commit it with [`crate::Notice::Registrations`].
pub fn put_registration(id: &str, document: &str, source: Option<&str>, now: i64) -> Statement {
    Statement::new(PUT, values![id, document, source, now, now])
}

/// Forgets a registration; one that a file still names is only disabled.
pub fn delete_registration(id: &str, keep_disabled: bool) -> Statement {
    if keep_disabled { Statement::new(DISABLE, values![id]) } else { Statement::new(DELETE, values![id]) }
}

impl RegistrationRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            document: row.get(1)?,
            source: row.get(2)?,
            added: row.get(3)?,
            changed: row.get(4)?,
            disabled: row.get::<i64>(5)? != 0,
        })
    }
}
