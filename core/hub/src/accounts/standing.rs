//! Locked and suspended accounts (client-server API, "Account locking" and "Account suspension"). Both can be undone.

use causeway_store::{Commit, CommitError, set_locked, set_suspended};
use ruma::UserId;

use super::Accounts;

impl Accounts {
    /// A locked account can do nothing but log out; its devices stay.
    pub async fn set_locked(&self, user_id: &UserId, locked: bool) -> Result<(), CommitError> {
        self.store.commit(Commit::of(vec![set_locked(user_id.as_str(), locked)])).await?;
        self.tokens.forget_user(user_id);
        Ok(())
    }

    /// A suspended account reads, and does nothing that others see but leaving.
    pub async fn set_suspended(&self, user_id: &UserId, suspended: bool) -> Result<(), CommitError> {
        self.store.commit(Commit::of(vec![set_suspended(user_id.as_str(), suspended)])).await?;
        self.tokens.forget_user(user_id);
        Ok(())
    }
}
