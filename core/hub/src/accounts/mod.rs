//! Accounts of this server's users.

mod deactivate;
mod log_in;
mod password;
mod policy;
mod register;
mod registration_tokens;
mod standing;

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use causeway_store::{CommitError, Store, StoreError};
use ruma::{OwnedServerName, OwnedUserId, UserId};

use crate::tokens::Tokens;
pub use log_in::{LoggedIn, NewDevice};
pub use password::PasswordCost;
pub use policy::PasswordPolicy;
pub use register::{NewAccount, RegisterError};

/// Users remembered as registered before all are forgotten.
const REMEMBERED: usize = 100_000;

/// All accounts. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    store: Store,
    tokens: Tokens,
    server_name: OwnedServerName,
    cost: PasswordCost,
    /// appended to every password
    pepper: Arc<str>,
    /// An account is never unmade, so what is here stays true but for deactivation, which this process sees.
    registered: Arc<RwLock<HashSet<OwnedUserId>>>,
}

/// Something about an account did not work, and it is our fault.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
    #[error(transparent)]
    Store(#[from] CommitError),
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

/// What an admin and a login may know of an account.
#[derive(Clone, Debug)]
pub struct Account {
    pub user_id: OwnedUserId,
    pub admin: bool,
    /// id of the registration that made it
    pub appservice: Option<String>,
    /// milliseconds since the Unix epoch
    pub created: i64,
    pub deactivated: bool,
    pub locked: bool,
    pub suspended: bool,
    /// has no password, and may do little
    pub guest: bool,
    pub has_password: bool,
    /// of the terms that the user agreed to
    pub consent_version: Option<String>,
}

impl Accounts {
    pub fn new(store: Store, tokens: Tokens, server_name: OwnedServerName, cost: PasswordCost) -> Self {
        Self { store, tokens, server_name, cost, pepper: Arc::from(""), registered: Arc::default() }
    }

    /// With a secret that is appended to every password before it is hashed. Changed, no password fits any more.
    pub fn with_pepper(self, pepper: &str) -> Self {
        Self { pepper: pepper.into(), ..self }
    }

    pub fn server_name(&self) -> &ruma::ServerName {
        &self.server_name
    }

    /// There is such an account, and it can be used.
    pub async fn is_registered(&self, user_id: &UserId) -> Result<bool, StoreError> {
        if self.registered.read().unwrap_or_else(PoisonError::into_inner).contains(user_id) {
            return Ok(true);
        }
        let found = self.store.account(user_id.as_str()).await?.is_some_and(|account| !account.deactivated);
        if found {
            self.remember(user_id);
        }
        Ok(found)
    }

    pub async fn is_admin(&self, user_id: &UserId) -> Result<bool, StoreError> {
        Ok(self.get(user_id).await?.is_some_and(|account| account.admin && !account.deactivated))
    }

    /// The account, deactivated or not.
    pub async fn get(&self, user_id: &UserId) -> Result<Option<Account>, StoreError> {
        self.store.account(user_id.as_str()).await?.map(Account::from_row).transpose()
    }

    pub async fn list(&self) -> Result<Vec<Account>, StoreError> {
        self.store.accounts().await?.into_iter().map(Account::from_row).collect()
    }

    pub async fn set_admin(&self, user_id: &UserId, admin: bool) -> Result<(), CommitError> {
        let statement = causeway_store::set_admin(user_id.as_str(), admin);
        self.store.commit(causeway_store::Commit::of(vec![statement])).await.map(drop)
    }

    fn remember(&self, user_id: &UserId) {
        let mut registered = self.registered.write().unwrap_or_else(PoisonError::into_inner);
        if registered.len() >= REMEMBERED {
            registered.clear();
        }
        registered.insert(user_id.to_owned());
    }

    fn forget(&self, user_id: &UserId) {
        self.registered.write().unwrap_or_else(PoisonError::into_inner).remove(user_id);
    }
}

impl Account {
    fn from_row(row: causeway_store::AccountRow) -> Result<Self, StoreError> {
        let user_id = OwnedUserId::try_from(row.user_id.as_str()).map_err(|source| StoreError::Inconsistent {
            what: format!("account {}", row.user_id),
            source: Some(Box::new(source)),
        })?;
        Ok(Self {
            user_id,
            admin: row.admin,
            appservice: row.appservice,
            created: row.created,
            deactivated: row.deactivated,
            locked: row.locked,
            suspended: row.suspended,
            guest: row.guest,
            has_password: row.password_hash.is_some(),
            consent_version: row.consent_version,
        })
    }
}
