//! End-to-end encryption keys. The server stores and hands out; what they say is the clients' affair.

mod backups;
mod claim;
mod query;
mod signing;
mod upload;

use causeway_store::{Commit, CommitError, Notice, Statement, Store, StoreError, device_list_changed};
use ruma::UserId;

pub use backups::BackupError;
pub use query::UserKeys;
pub use signing::{CrossSigningError, SignatureFailure, SignatureFailures, SignedKeys};
pub use upload::{KeyConflict, Upload, UploadError};

#[derive(Clone)]
pub struct Keys {
    store: Store,
}

impl Keys {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// (algorithm, one-time keys left)
    pub async fn counts(&self, user_id: &UserId, device_id: &str) -> Result<Vec<(String, i64)>, StoreError> {
        self.store.one_time_key_counts(user_id.as_str(), device_id).await
    }

    /// Algorithms with a fallback key that nobody has claimed.
    pub async fn unused_fallback(&self, user_id: &UserId, device_id: &str) -> Result<Vec<String>, StoreError> {
        self.store.unused_fallback_keys(user_id.as_str(), device_id).await
    }

    /// Commits what others have to learn of.
    async fn commit_list(&self, user_id: &UserId, mut statements: Vec<Statement>) -> Result<(), CommitError> {
        statements.push(device_list_changed(user_id.as_str()));
        let notice = Notice::DeviceList { user_id: user_id.as_str().into() };
        self.store.commit(Commit::of(statements).notify(notice)).await.map(drop)
    }
}
