//! Keys and signatures that clients upload.

use std::collections::BTreeMap;

use causeway_store::{
    Commit, CommitError, Notice, Statement, StoreError, device_list_changed, forget_keys_of_device,
    put_cross_signing_key, put_device_keys, put_fallback_key, put_one_time_key,
};
use ruma::{DeviceId, UserId};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Keys;

/// `POST /keys/upload`; ids of one-time and fallback keys carry their algorithm.
#[derive(Default)]
pub struct Upload {
    pub device_keys: Option<Box<RawValue>>,
    pub one_time_keys: BTreeMap<String, Box<RawValue>>,
    pub fallback_keys: BTreeMap<String, Box<RawValue>>,
}

/// A one-time key of this id was uploaded before and is another.
#[derive(Debug, thiserror::Error)]
#[error("one-time key {0} was uploaded before, and is another")]
pub struct KeyConflict(pub String);

#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// 400 `M_UNKNOWN`
    #[error(transparent)]
    Conflict(#[from] KeyConflict),
    #[error(transparent)]
    Store(#[from] CommitError),
}

impl From<StoreError> for UploadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

impl Keys {
    pub async fn upload(&self, user_id: &UserId, device_id: &DeviceId, upload: Upload) -> Result<(), UploadError> {
        let (user, device) = (user_id.as_str(), device_id.as_str());
        let mut statements: Vec<Statement> = Vec::new();
        let mut notices = Vec::new();
        let mut is_new_identity = false;
        if let Some(keys) = &upload.device_keys {
            let all = self.store.device_keys(user).await?;
            let known = all.into_iter().find(|(with_keys, _)| with_keys == device).map(|(_, keys)| keys);
            // Somebody logged in anew on this device: what was made for the former keys opens nothing any more.
            is_new_identity = known.as_deref().is_some_and(|known| !same_identity(known, keys.get()));
            if is_new_identity {
                statements.extend(forget_keys_of_device(user, device));
            }
            if known.is_none_or(|known| !same_json(&known, keys.get())) {
                statements.push(put_device_keys(user, device, keys.get()));
                statements.push(device_list_changed(user));
                notices.push(Notice::DeviceList { user_id: user.into() });
            }
        }
        for (key_id, key) in &upload.one_time_keys {
            if !is_new_identity
                && let Some(known) = self.store.one_time_key(user, device, key_id).await?
                && !same_json(&known, key.get())
            {
                return Err(KeyConflict(key_id.clone()).into());
            }
            statements.push(put_one_time_key(user, device, key_id, key.get()));
        }
        for (key_id, key) in &upload.fallback_keys {
            statements.push(put_fallback_key(user, device, key_id, key.get()));
        }
        if statements.is_empty() {
            return Ok(());
        }
        if !(upload.one_time_keys.is_empty() && upload.fallback_keys.is_empty()) {
            notices.push(Notice::KeyCounts { user_id: user.into(), device_id: device.into() });
        }
        self.store.commit(Commit { notices, ..Commit::of(statements) }).await?;
        Ok(())
    }

    /// (usage, key): `master`, `self_signing`, `user_signing`.
    pub async fn upload_cross_signing(&self, user_id: &UserId, keys: &[(&str, &str)]) -> Result<(), CommitError> {
        let statements = keys.iter().map(|(usage, key)| put_cross_signing_key(user_id.as_str(), usage, key)).collect();
        self.commit_list(user_id, statements).await
    }
}

/// Whether two objects of device keys hold the same public keys.
fn same_identity(one: &str, other: &str) -> bool {
    let keys = |text: &str| serde_json::from_str::<Value>(text).ok().map(|value| value["keys"].clone());
    keys(one) == keys(other)
}

fn same_json(one: &str, other: &str) -> bool {
    let value = |text| serde_json::from_str::<Value>(text).ok();
    one == other || value(one) == value(other)
}
