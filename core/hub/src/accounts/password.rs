//! Passwords: argon2id, away from the threads that serve requests.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use causeway_store::{Commit, set_password_hash};
use ruma::UserId;

use super::{AccountError, Accounts};

/// What a hash costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PasswordCost {
    /// argon2's own choice: 19 MiB, two passes
    #[default]
    Normal,
    /// `password_hash_cost: minimal`, for tests
    Minimal,
}

impl PasswordCost {
    fn argon2(self) -> Argon2<'static> {
        let params = match self {
            Self::Normal => Params::default(),
            Self::Minimal => Params::new(Params::MIN_M_COST, 1, 1, None).expect("the smallest parameters are valid"),
        };
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
    }
}

impl Accounts {
    /// False too for users who do not exist or have no password; they take the same time.
    pub async fn is_password(&self, user_id: &UserId, password: &str) -> Result<bool, AccountError> {
        let account = self.store.account(user_id.as_str()).await?.filter(|account| !account.deactivated);
        let known = account.and_then(|account| account.password_hash);
        let (password, cost) = (self.peppered(password), self.cost);
        let verify = move || match known {
            Some(known) => {
                let known = PasswordHash::new(&known).map_err(|error| AccountError::Hash(error.to_string()))?;
                Ok(cost.argon2().verify_password(password.as_bytes(), &known).is_ok())
            }
            None => hash(&password, cost).map(|_| false),
        };
        tokio::task::spawn_blocking(verify).await.map_err(|error| AccountError::Hash(error.to_string()))?
    }

    /// A new password. Devices stay logged in.
    pub async fn set_password(&self, user_id: &UserId, password: &str) -> Result<(), AccountError> {
        let hash = self.hash_password(password).await?;
        self.store.commit(Commit::of(vec![set_password_hash(user_id.as_str(), Some(&hash))])).await?;
        Ok(())
    }

    fn peppered(&self, password: &str) -> String {
        format!("{password}{}", self.pepper)
    }

    pub(super) async fn hash_password(&self, password: &str) -> Result<String, AccountError> {
        let (password, cost) = (self.peppered(password), self.cost);
        tokio::task::spawn_blocking(move || hash(&password, cost))
            .await
            .map_err(|error| AccountError::Hash(error.to_string()))?
    }
}

fn hash(password: &str, cost: PasswordCost) -> Result<String, AccountError> {
    let salt =
        SaltString::encode_b64(&rand::random::<[u8; 16]>()).map_err(|error| AccountError::Hash(error.to_string()))?;
    let hash = cost.argon2().hash_password(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| AccountError::Hash(error.to_string()))
}
