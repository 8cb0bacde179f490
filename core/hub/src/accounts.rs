//! Accounts of this server's users.

use causeway_store::{Store, StoreError};
use ruma::UserId;

#[derive(Clone)]
pub struct Accounts {
    store: Store,
}

impl Accounts {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    pub async fn is_registered(&self, user_id: &UserId) -> Result<bool, StoreError> {
        let _ = (user_id, &self.store);
        Ok(false)
    }

    pub async fn is_admin(&self, user_id: &UserId) -> Result<bool, StoreError> {
        let _ = (user_id, &self.store);
        Ok(false)
    }
}
