//! Logging in: a device with new tokens.

use std::time::Duration;

use causeway_store::{Commit, CommitError, Statement, delete_device_tokens, ensure_device};
use ruma::{OwnedDeviceId, OwnedUserId, UserId};

use super::Accounts;
use crate::time::now_ms;
use crate::tokens::NewTokens;

/// The device that somebody logs in with.
#[derive(Clone, Debug, Default)]
pub struct NewDevice {
    /// one that is there is used again; none makes a new one
    pub device_id: Option<OwnedDeviceId>,
    pub display_name: Option<String>,
    /// The client can refresh its token, so it gets one that lapses.
    pub refresh: bool,
}

/// The answer to a login. Not `Debug`: it holds tokens.
pub struct LoggedIn {
    pub user_id: OwnedUserId,
    pub device_id: OwnedDeviceId,
    pub access_token: String,
    pub refresh_token: Option<String>,
    pub expires_in: Option<Duration>,
}

impl Accounts {
    /// Logs a user in whose identity was checked already. Tokens that the device had before are gone.
    pub async fn log_in(&self, user_id: &UserId, device: NewDevice) -> Result<LoggedIn, CommitError> {
        let (logged_in, statements) = prepare(user_id, device);
        self.store.commit(Commit::of(statements)).await?;
        self.tokens.forget_device(user_id, &logged_in.device_id);
        Ok(logged_in)
    }
}

pub(super) fn prepare(user_id: &UserId, device: NewDevice) -> (LoggedIn, Vec<Statement>) {
    let now = now_ms();
    let device_id = device.device_id.unwrap_or_else(new_device_id);
    let tokens = NewTokens::generate(device.refresh, now);
    let mut statements = vec![
        delete_device_tokens(user_id.as_str(), device_id.as_str()),
        ensure_device(user_id.as_str(), device_id.as_str(), device.display_name.as_deref(), now),
    ];
    statements.extend(tokens.statements(user_id, &device_id));
    let logged_in = LoggedIn {
        user_id: user_id.to_owned(),
        device_id,
        access_token: tokens.access,
        refresh_token: tokens.refresh,
        expires_in: tokens.expires_in,
    };
    (logged_in, statements)
}

fn new_device_id() -> OwnedDeviceId {
    let letters: String = (0..10).map(|_| char::from(rand::random_range(b'A'..=b'Z'))).collect();
    letters.into()
}
