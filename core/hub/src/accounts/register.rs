//! Making accounts.

use causeway_store::{
    ACCOUNT_EXISTS, Commit, CommitError, REGISTRATION_TOKEN_USED_UP, THREEPID_IN_USE, THREEPID_SESSION_GONE,
    create_account, set_consent, set_guest, set_profile_field, use_registration_token,
};
use ruma::OwnedUserId;

use super::log_in::prepare;
use super::{AccountError, Accounts, LoggedIn, NewDevice};
use crate::threepids::{self, Proof};
use crate::time::now_ms;

/// An account to be made.
pub struct NewAccount {
    pub user_id: OwnedUserId,
    /// none: cannot log in by password, as ghosts and bots
    pub password: Option<String>,
    pub admin: bool,
    pub guest: bool,
    /// id of the registration that makes it
    pub appservice: Option<String>,
    /// logged in at once
    pub device: Option<NewDevice>,
    /// used up with the account
    pub registration_token: Option<String>,
    /// becomes the account's
    pub email: Option<Proof>,
    /// the version of the terms that were agreed to
    pub consent: Option<String>,
    /// its localpart when none
    pub display_name: Option<String>,
}

impl NewAccount {
    pub fn new(user_id: OwnedUserId) -> Self {
        Self {
            user_id,
            password: None,
            admin: false,
            guest: false,
            appservice: None,
            device: None,
            registration_token: None,
            email: None,
            consent: None,
            display_name: None,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// 400 `M_USER_IN_USE`
    #[error("the user id {0} is taken")]
    InUse(OwnedUserId),
    /// 401 `M_FORBIDDEN`
    #[error("the registration token is used up")]
    TokenUsedUp,
    /// 400 `M_THREEPID_IN_USE`
    #[error("the e-mail address belongs to an account already")]
    EmailInUse,
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl Accounts {
    /// Makes an account, with its device and tokens in the same commit. Ghosts cost no hashing.
    pub async fn register(&self, new: NewAccount) -> Result<Option<LoggedIn>, RegisterError> {
        let NewAccount {
            user_id,
            password,
            admin,
            guest,
            appservice,
            device,
            registration_token,
            email,
            consent,
            display_name,
        } = new;
        // Known to be taken: no hashing, no commit that is sure to be lost.
        if self.is_registered(&user_id).await.map_err(AccountError::from)? {
            return Err(RegisterError::InUse(user_id));
        }
        let hash = match &password {
            Some(password) => Some(self.hash_password(password).await?),
            None => None,
        };
        let now = now_ms();
        let display_name = display_name.as_deref().unwrap_or(user_id.localpart());
        let display_name = serde_json::Value::from(display_name).to_string();
        let mut statements = vec![
            create_account(user_id.as_str(), hash.as_deref(), admin, appservice.as_deref(), now),
            set_profile_field(user_id.as_str(), "displayname", Some(&display_name)),
        ];
        if guest {
            statements.push(set_guest(user_id.as_str()));
        }
        if let Some(token) = &registration_token {
            statements.push(use_registration_token(token, now));
        }
        if let Some(proof) = &email {
            statements.extend(threepids::add(&user_id, proof));
        }
        if let Some(version) = &consent {
            statements.push(set_consent(user_id.as_str(), version));
        }
        let mut logged_in = None;
        if let Some(device) = device {
            let (answer, more) = prepare(&user_id, device);
            statements.extend(more);
            logged_in = Some(answer);
        }
        match self.store.commit(Commit::of(statements)).await {
            Ok(_) => {}
            Err(CommitError::Lost(ACCOUNT_EXISTS)) => return Err(RegisterError::InUse(user_id)),
            Err(CommitError::Lost(REGISTRATION_TOKEN_USED_UP)) => return Err(RegisterError::TokenUsedUp),
            Err(CommitError::Lost(THREEPID_IN_USE | THREEPID_SESSION_GONE)) => return Err(RegisterError::EmailInUse),
            Err(error) => return Err(RegisterError::Account(error.into())),
        }
        self.remember(&user_id);
        Ok(logged_in)
    }

    /// Whether the user id is taken, also by a deactivated account.
    pub async fn is_taken(&self, user_id: &ruma::UserId) -> Result<bool, causeway_store::StoreError> {
        Ok(self.store.account(user_id.as_str()).await?.is_some())
    }
}
