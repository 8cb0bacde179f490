//! Access, refresh, login and OpenID tokens: random, kept as hashes, remembered in memory while they are used.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_store::{
    Commit, CommitError, Statement, Store, StoreError, TOKEN_GONE, TokenKind, expire_access_tokens, expire_token,
    put_token, take_token,
};
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};
use sha2::{Digest, Sha256};

use crate::time::now_ms;

/// Tokens remembered before all are forgotten and looked up anew.
const REMEMBERED: usize = 20_000;
/// Access tokens of clients that can refresh them.
const ACCESS_LIFE: Duration = Duration::from_secs(3600);
/// How long a refresh token still works after its use: the answer may have been lost.
const REFRESH_GRACE: Duration = Duration::from_secs(60);
/// Tokens for `m.login.token`.
const LOGIN_LIFE: Duration = Duration::from_secs(120);
/// Tokens that prove an identity to another service.
pub const OPENID_LIFE: Duration = Duration::from_secs(3600);

/// A device that is logged in.
#[derive(Clone, Debug)]
pub struct Session {
    pub user_id: OwnedUserId,
    pub device_id: OwnedDeviceId,
    /// milliseconds since the Unix epoch
    pub expires: Option<i64>,
    /// what the user's account is
    pub locked: bool,
    pub suspended: bool,
    pub guest: bool,
}

/// What an access token is good for.
#[derive(Clone, Debug)]
pub enum Lookup {
    Active(Arc<Session>),
    /// Its refresh token makes a new one.
    Expired,
    Unknown,
}

/// Tokens as they are handed out, once. Not `Debug`.
pub struct NewTokens {
    pub access: String,
    pub refresh: Option<String>,
    pub expires_in: Option<Duration>,
    now: i64,
}

impl NewTokens {
    pub(crate) fn generate(refresh: bool, now: i64) -> Self {
        Self { access: generate(), refresh: refresh.then(generate), expires_in: refresh.then_some(ACCESS_LIFE), now }
    }

    pub(crate) fn statements(&self, user_id: &UserId, device_id: &DeviceId) -> Vec<Statement> {
        let (user, device) = (user_id.as_str(), device_id.as_str());
        let expires = self.expires_in.map(|life| self.now + life.as_millis() as i64);
        let mut statements = vec![put_token(TokenKind::Access, &hash(&self.access), user, device, expires)];
        if let Some(refresh) = &self.refresh {
            statements.push(put_token(TokenKind::Refresh, &hash(refresh), user, device, None));
        }
        statements
    }
}

#[derive(Clone)]
pub struct Tokens {
    store: Store,
    sessions: Arc<RwLock<HashMap<[u8; 32], Arc<Session>>>>,
}

impl Tokens {
    pub fn new(store: Store) -> Self {
        Self { store, sessions: Arc::default() }
    }

    pub async fn lookup(&self, token: &str) -> Result<Lookup, StoreError> {
        let hash = hash(token);
        let known = self.sessions.read().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned();
        let session = match known {
            Some(session) => session,
            None => match self.store.token(TokenKind::Access, &hash).await? {
                Some(row) => {
                    let session = Arc::new(session(row)?);
                    self.remember(hash, &session);
                    session
                }
                None => return Ok(Lookup::Unknown),
            },
        };
        if session.expires.is_some_and(|expires| expires <= now_ms()) {
            return Ok(Lookup::Expired);
        }
        Ok(Lookup::Active(session))
    }

    /// New tokens for a refresh token; `None` when it is not known. The old access token lapses at once, the old
    /// refresh token a minute later.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Option<NewTokens>, CommitError> {
        let now = now_ms();
        let old = hash(refresh_token);
        let Some(row) = self.store.token(TokenKind::Refresh, &old).await? else { return Ok(None) };
        if row.expires.is_some_and(|expires| expires <= now) {
            return Ok(None);
        }
        let session = session(row)?;
        let tokens = NewTokens::generate(true, now);
        let mut statements = vec![
            expire_access_tokens(session.user_id.as_str(), session.device_id.as_str(), now),
            expire_token(TokenKind::Refresh, &old, now + REFRESH_GRACE.as_millis() as i64),
        ];
        statements.extend(tokens.statements(&session.user_id, &session.device_id));
        self.store.commit(Commit::of(statements)).await?;
        self.forget_device(&session.user_id, &session.device_id);
        Ok(Some(tokens))
    }

    /// A token for `m.login.token`, and how long it works.
    pub async fn make_login_token(&self, user_id: &UserId) -> Result<(String, Duration), CommitError> {
        Ok((self.make(TokenKind::Login, user_id, LOGIN_LIFE).await?, LOGIN_LIFE))
    }

    /// Whom a login token logs in, once.
    pub async fn take_login_token(&self, token: &str) -> Result<Option<OwnedUserId>, CommitError> {
        let hash = hash(token);
        let Some(row) = self.store.token(TokenKind::Login, &hash).await? else { return Ok(None) };
        match self.store.commit(Commit::of(vec![take_token(TokenKind::Login, &hash)])).await {
            Ok(_) => {}
            Err(CommitError::Lost(TOKEN_GONE)) => return Ok(None),
            Err(error) => return Err(error),
        }
        if row.expires.is_some_and(|expires| expires <= now_ms()) {
            return Ok(None);
        }
        Ok(Some(session(row)?.user_id))
    }

    /// A token that proves the user's identity to another service.
    pub async fn make_openid_token(&self, user_id: &UserId) -> Result<String, CommitError> {
        self.make(TokenKind::OpenId, user_id, OPENID_LIFE).await
    }

    /// Whose OpenID token this is: what federation's `openid/userinfo` answers.
    pub async fn openid_user(&self, token: &str) -> Result<Option<OwnedUserId>, StoreError> {
        let Some(row) = self.store.token(TokenKind::OpenId, &hash(token)).await? else { return Ok(None) };
        if row.expires.is_some_and(|expires| expires <= now_ms()) {
            return Ok(None);
        }
        Ok(Some(session(row)?.user_id))
    }

    async fn make(&self, kind: TokenKind, user_id: &UserId, life: Duration) -> Result<String, CommitError> {
        let token = generate();
        let expires = now_ms() + life.as_millis() as i64;
        let statement = put_token(kind, &hash(&token), user_id.as_str(), "", Some(expires));
        self.store.commit(Commit::of(vec![statement])).await?;
        Ok(token)
    }

    pub(crate) fn forget_device(&self, user_id: &UserId, device_id: &DeviceId) {
        self.forget(|session| session.user_id == user_id && session.device_id == device_id);
    }

    pub(crate) fn forget_user(&self, user_id: &UserId) {
        self.forget(|session| session.user_id == user_id);
    }

    fn forget(&self, gone: impl Fn(&Session) -> bool) {
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).retain(|_, session| !gone(session));
    }

    fn remember(&self, hash: [u8; 32], session: &Arc<Session>) {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= REMEMBERED {
            sessions.clear();
        }
        sessions.insert(hash, Arc::clone(session));
    }
}

fn session(row: causeway_store::TokenRow) -> Result<Session, StoreError> {
    let user_id = OwnedUserId::try_from(row.user_id.as_str()).map_err(|source| StoreError::Inconsistent {
        what: format!("a token of {}", row.user_id),
        source: Some(Box::new(source)),
    })?;
    Ok(Session {
        user_id,
        device_id: row.device_id.into(),
        expires: row.expires,
        locked: row.locked,
        suspended: row.suspended,
        guest: row.guest,
    })
}

/// 256 random bits.
fn generate() -> String {
    format!("cway_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// What the store keeps of a token.
fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
