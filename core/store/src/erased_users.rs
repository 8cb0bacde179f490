//! Users whose words are shown to nobody who did not have them already. Few, and asked for with every event that somebody
//! reads who was not there: in memory, read once.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use crate::{Statement, Store, StoreError, values};

#[derive(Default)]
pub(crate) struct ErasedUsers(tokio::sync::OnceCell<RwLock<HashSet<String>>>);

impl Store {
    pub async fn is_erased(&self, user_id: &str) -> Result<bool, StoreError> {
        let users = self.erased_users().await?;
        Ok(users.read().unwrap_or_else(PoisonError::into_inner).contains(user_id))
    }

    /// After the commit of [`erase_user`]. Other processes learn of it when they start.
    pub async fn remember_erased(&self, user_id: &str) -> Result<(), StoreError> {
        let users = self.erased_users().await?;
        users.write().unwrap_or_else(PoisonError::into_inner).insert(user_id.to_owned());
        Ok(())
    }

    async fn erased_users(&self) -> Result<&RwLock<HashSet<String>>, StoreError> {
        let read = async || {
            let rows = self.fetch("select user_id from erased_users", vec![]).await?;
            Ok(RwLock::new(rows.iter().map(|row| row.get(0)).collect::<Result<_, StoreError>>()?))
        };
        self.shared().erased.0.get_or_try_init(read).await
    }
}

/// With [`Store::remember_erased`] after it.
pub fn erase_user(user_id: &str) -> Statement {
    Statement::new("insert into erased_users (user_id) values ($1) on conflict do nothing", values![user_id])
}
