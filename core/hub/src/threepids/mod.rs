//! Third-party identifiers: addresses outside of Matrix that belong to accounts (client-server API, "Adding Account
//! Administrative Contact Information"). E-mail addresses are proved here; telephone numbers only an admin can set.

mod letters;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use causeway_store::{Commit, CommitError, Store, StoreError, THREEPID_IN_USE, THREEPID_SESSION_GONE, ThreepidRow};
use lettre::Address;
use ruma::{OwnedUserId, UserId};

use crate::mail::Mailer;
use crate::time::now_ms;
pub use letters::Subjects;
pub use sessions::{Destination, RequestError, TokenRequest};

/// What an e-mail address is proved for: a proof for one thing is none for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Registration = 0,
    PasswordReset = 1,
    Adding = 2,
}

impl Purpose {
    pub const ALL: [Self; 3] = [Self::Registration, Self::PasswordReset, Self::Adding];

    /// Its part of the path that a mail's link has.
    pub fn path(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::PasswordReset => "password_reset",
            Self::Adding => "add_threepid",
        }
    }
}

/// An address that somebody has shown to own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub purpose: Purpose,
    pub sid: String,
    /// in its canonical form
    pub address: String,
    /// milliseconds since the Unix epoch
    pub validated_at: i64,
}

/// One of an account's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threepid {
    /// `email` or `msisdn`
    pub medium: String,
    pub address: String,
    /// milliseconds since the Unix epoch
    pub validated_at: i64,
    pub added_at: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// 400 `M_THREEPID_IN_USE`
    #[error("this address belongs to another account")]
    InUse,
    /// 400 `M_THREEPID_AUTH_FAILED`
    #[error("this proof was used already")]
    Used,
    #[error(transparent)]
    Store(CommitError),
}

/// What e-mail is sent with, and what stands in it.
#[derive(Clone)]
pub struct Correspondence {
    pub mailer: Mailer,
    /// where links lead, without a `/` at its end
    pub base_url: String,
    pub server_name: String,
    pub app_name: String,
    pub subjects: Subjects,
    /// how long a link works
    pub token_life: Duration,
    /// Whether an address has an account is not told to those who ask for a mail.
    pub hides_accounts: bool,
}

/// All of them. Cheap to clone.
#[derive(Clone)]
pub struct Threepids {
    store: Store,
    /// none: no e-mail is sent
    correspondence: Option<Arc<Correspondence>>,
}

impl Threepids {
    pub fn new(store: Store, correspondence: Option<Correspondence>) -> Self {
        Self { store, correspondence: correspondence.map(Arc::new) }
    }

    /// Whether addresses can be proved at all.
    pub fn sends_mail(&self) -> bool {
        self.correspondence.is_some()
    }

    pub async fn of_user(&self, user_id: &UserId) -> Result<Vec<Threepid>, StoreError> {
        let rows = self.store.threepids(user_id.as_str()).await?;
        Ok(rows.into_iter().map(Threepid::from_row).collect())
    }

    /// Whose an address is, in whatever form it is given.
    pub async fn owner(&self, medium: &str, address: &str) -> Result<Option<OwnedUserId>, StoreError> {
        let address = match medium {
            "email" => match canonical_email(address) {
                Some(address) => address.to_string(),
                None => return Ok(None),
            },
            _ => address.to_owned(),
        };
        let Some(owner) = self.store.threepid_owner(medium, &address).await? else { return Ok(None) };
        let inconsistent = |source| StoreError::Inconsistent {
            what: format!("the owner of a third-party identifier, {owner}"),
            source: Some(Box::new(source)),
        };
        OwnedUserId::try_from(owner.as_str()).map(Some).map_err(inconsistent)
    }

    /// Gives an address to the account of who proved to own it.
    pub async fn add(&self, user_id: &UserId, proof: &Proof) -> Result<(), AddError> {
        match self.store.commit(Commit::of(add(user_id, proof))).await {
            Ok(_) => Ok(()),
            Err(CommitError::Lost(THREEPID_IN_USE)) => Err(AddError::InUse),
            Err(CommitError::Lost(THREEPID_SESSION_GONE)) => Err(AddError::Used),
            Err(error) => Err(AddError::Store(error)),
        }
    }

    /// Takes an address from an account, if it has it.
    pub async fn delete(&self, user_id: &UserId, medium: &str, address: &str) -> Result<(), CommitError> {
        let canonical =
            if medium == "email" { canonical_email(address).map(|address| address.to_string()) } else { None };
        let address = canonical.as_deref().unwrap_or(address);
        let statement = causeway_store::delete_threepid(user_id.as_str(), medium, address);
        self.store.commit(Commit::of(vec![statement])).await.map(drop)
    }

    /// Sets all addresses of an account, on an admin's word.
    pub async fn replace(&self, user_id: &UserId, threepids: &[(String, String)]) -> Result<(), AddError> {
        let now = now_ms();
        let before = self.store.threepids(user_id.as_str()).await.map_err(|error| AddError::Store(error.into()))?;
        let gone = before
            .iter()
            .filter(|row| !threepids.iter().any(|(medium, address)| (medium, address) == (&row.medium, &row.address)));
        let mut statements: Vec<_> =
            gone.map(|row| causeway_store::delete_threepid(user_id.as_str(), &row.medium, &row.address)).collect();
        statements.extend(threepids.iter().map(|(medium, address)| {
            causeway_store::add_threepid(&ThreepidRow {
                medium: medium.clone(),
                address: address.clone(),
                user_id: user_id.to_string(),
                validated_at: now,
                added_at: now,
            })
        }));
        match self.store.commit(Commit::of(statements)).await {
            Ok(_) => Ok(()),
            Err(CommitError::Lost(THREEPID_IN_USE)) => Err(AddError::InUse),
            Err(error) => Err(AddError::Store(error)),
        }
    }

    /// Uses a proof up, for what changes no address.
    pub async fn take(&self, proof: &Proof) -> Result<(), AddError> {
        let statement = causeway_store::take_threepid_session(&proof.sid);
        match self.store.commit(Commit::of(vec![statement])).await {
            Ok(_) => Ok(()),
            Err(CommitError::Lost(THREEPID_SESSION_GONE)) => Err(AddError::Used),
            Err(error) => Err(AddError::Store(error)),
        }
    }
}

impl Threepid {
    fn from_row(row: ThreepidRow) -> Self {
        let ThreepidRow { medium, address, validated_at, added_at, .. } = row;
        Self { medium, address, validated_at, added_at }
    }
}

/// What makes a proved address an account's.
pub(crate) fn add(user_id: &UserId, proof: &Proof) -> Vec<causeway_store::Statement> {
    let row = ThreepidRow {
        medium: "email".to_owned(),
        address: proof.address.clone(),
        user_id: user_id.to_string(),
        validated_at: proof.validated_at,
        added_at: now_ms(),
    };
    vec![causeway_store::take_threepid_session(&proof.sid), causeway_store::add_threepid(&row)]
}

/// The form in which an e-mail address is kept and compared: in lower case, as Matrix has it (appendices, "3PID Types").
/// None for what is no address.
pub fn canonical_email(text: &str) -> Option<Address> {
    let text = text.trim();
    // A quoted local part would let two forms of one address pass as two.
    if text.len() > 254 || text.contains('"') {
        return None;
    }
    text.to_lowercase().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form() {
        let form = |text: &str| canonical_email(text).map(|address| address.to_string());
        assert_eq!(form("Alice@Example.ORG ").as_deref(), Some("alice@example.org"));
        for text in
            ["alice", "a@b@c", "@example.org", "alice@", "a b@example.org", "\"a\"@example.org", "a@x\r\nBcc: b@y"]
        {
            assert_eq!(form(text), None, "{text}");
        }
    }
}
