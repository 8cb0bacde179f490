//! Tokens that allow to register.

use causeway_store::{
    Commit, CommitError, RegistrationTokenRow, StoreError, delete_registration_token, put_registration_token,
};

use super::Accounts;
use crate::time::now_ms;

impl Accounts {
    pub async fn is_registration_token_valid(&self, token: &str) -> Result<bool, StoreError> {
        self.store.is_registration_token_valid(token, now_ms()).await
    }

    pub async fn registration_tokens(&self) -> Result<Vec<RegistrationTokenRow>, StoreError> {
        self.store.registration_tokens().await
    }

    /// Makes a token or changes its limits; what it was used for counts on.
    pub async fn put_registration_token(
        &self,
        token: &str,
        uses_allowed: Option<i64>,
        expires: Option<i64>,
    ) -> Result<(), CommitError> {
        self.store.commit(Commit::of(vec![put_registration_token(token, uses_allowed, expires)])).await.map(drop)
    }

    pub async fn delete_registration_token(&self, token: &str) -> Result<(), CommitError> {
        self.store.commit(Commit::of(vec![delete_registration_token(token)])).await.map(drop)
    }
}
