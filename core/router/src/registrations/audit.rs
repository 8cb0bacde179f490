//! Who changed which registration, and where appservices act as users that they did not make.

use std::sync::PoisonError;

use causeway_store::{AuditRow, Commit, CommitError, Statement, StoreError, audit};
use ruma::UserId;

use super::{Registered, Registrations};
use crate::timing::now_ms;

/// Pairs that are remembered before all are forgotten.
const REMEMBERED: usize = 100_000;
const DAY: i64 = 24 * 60 * 60 * 1000;

impl Registrations {
    /// The same registrations, in whose audit log this name stands for changes.
    pub fn acting_for(&self, actor: &str) -> Self {
        Self { actor: actor.into(), ..self.clone() }
    }

    /// A line of the audit log, to be committed with what it tells of.
    pub(super) fn told(&self, action: &str, id: &str, detail: &str) -> Statement {
        audit(now_ms(), &self.actor, action, id, detail)
    }

    /// Tells of what was done with a registration elsewhere, such as with its queue.
    pub async fn note(&self, action: &str, id: &str, detail: &str) -> Result<(), CommitError> {
        self.inner.store.commit(Commit::of(vec![self.told(action, id, detail)])).await.map(|_| ())
    }

    /// Tells of an appservice that acts as a user whom it did not make: once a day and start of the hub for each user,
    /// with what it did first. Returns when that is on disk. `what`: method and path.
    pub async fn note_masquerade(
        &self,
        registered: &Registered,
        user_id: &UserId,
        what: impl FnOnce() -> String,
    ) -> Result<(), CommitError> {
        let id = &registered.registration.id;
        let now = now_ms();
        let today = now / DAY;
        let pair = (id.clone(), user_id.to_string());
        let known = |day: &i64| *day == today;
        if self.inner.masquerades.read().unwrap_or_else(PoisonError::into_inner).get(&pair).is_some_and(known) {
            return Ok(());
        }
        let account = self.inner.store.account(user_id.as_str()).await?;
        if account.is_none_or(|account| account.appservice.as_ref() != Some(id)) {
            let line = audit(now, id, "masquerade", id, &format!("as {user_id}: {}", what()));
            self.inner.store.commit(Commit::of(vec![line])).await?;
        }
        let mut masquerades = self.inner.masquerades.write().unwrap_or_else(PoisonError::into_inner);
        if masquerades.len() >= REMEMBERED {
            masquerades.clear();
        }
        masquerades.insert(pair, today);
        Ok(())
    }

    /// The newest first: those before a number, of one registration or of all.
    pub async fn audit_log(
        &self,
        registration: Option<&str>,
        before: i64,
        limit: i64,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.inner.store.audit(registration, before, limit).await
    }
}
