//! Filters that clients store and then name in /sync.

use causeway_store::{Commit, CommitError, Store, StoreError, put_filter};
use ruma::UserId;
use sha2::{Digest, Sha256};

#[derive(Clone)]
pub struct Filters {
    store: Store,
}

impl Filters {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    pub async fn get(&self, user_id: &UserId, filter_id: &str) -> Result<Option<String>, StoreError> {
        self.store.filter(user_id.as_str(), filter_id).await
    }

    /// The id follows from the text, so a client that uploads its filter at each start adds nothing. It never begins
    /// with `{`: that is how /sync tells ids from filters.
    pub async fn put(&self, user_id: &UserId, filter: &str) -> Result<String, CommitError> {
        let filter_id = hex::encode(&Sha256::digest(filter)[..8]);
        self.store.commit(Commit::of(vec![put_filter(user_id.as_str(), &filter_id, filter)])).await?;
        Ok(filter_id)
    }
}
