//! Devices of users.

mod connections;
mod dehydrated;

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use causeway_store::{
    Commit, CommitError, DEVICE_EXISTS, DeviceRow, Notice, Store, StoreError, create_device, delete_device,
    device_list_changed, rename_device,
};
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use crate::time::now_ms;
use crate::tokens::Tokens;

pub use connections::Connection;
use connections::Connections;
pub use dehydrated::Dehydrated;

/// Devices remembered as existing before all are forgotten.
const REMEMBERED: usize = 20_000;

#[derive(Clone)]
pub struct Devices {
    store: Store,
    tokens: Tokens,
    known: Arc<RwLock<HashSet<(OwnedUserId, OwnedDeviceId)>>>,
    connections: Connections,
}

impl Devices {
    pub fn new(store: Store, tokens: Tokens) -> Self {
        Self { store, tokens, known: Arc::default(), connections: Connections::default() }
    }

    /// Node's appservice libraries name a device with each request, so the answer is remembered.
    pub async fn exists(&self, user_id: &UserId, device_id: &DeviceId) -> Result<bool, StoreError> {
        let key = (user_id.to_owned(), device_id.to_owned());
        if self.known.read().unwrap_or_else(PoisonError::into_inner).contains(&key) {
            return Ok(true);
        }
        let found = self.get(user_id, device_id).await?.is_some();
        if found {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(key);
        }
        Ok(found)
    }

    pub async fn list(&self, user_id: &UserId) -> Result<Vec<DeviceRow>, StoreError> {
        self.store.devices(user_id.as_str()).await
    }

    pub async fn get(&self, user_id: &UserId, device_id: &DeviceId) -> Result<Option<DeviceRow>, StoreError> {
        self.store.device(user_id.as_str(), device_id.as_str()).await
    }

    pub async fn rename(&self, user_id: &UserId, device_id: &DeviceId, name: &str) -> Result<(), CommitError> {
        let statements =
            vec![rename_device(user_id.as_str(), device_id.as_str(), name), device_list_changed(user_id.as_str())];
        self.commit(user_id, statements).await
    }

    /// Makes a device without a token (an appservice's). False when it is there already.
    pub async fn create(
        &self,
        user_id: &UserId,
        device_id: &DeviceId,
        name: Option<&str>,
    ) -> Result<bool, CommitError> {
        let statements = vec![
            create_device(user_id.as_str(), device_id.as_str(), name, now_ms()),
            device_list_changed(user_id.as_str()),
        ];
        match self.commit(user_id, statements).await {
            Ok(()) => Ok(true),
            Err(CommitError::Lost(DEVICE_EXISTS)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Logs devices out and forgets their keys and messages. Unknown ones are nothing to do.
    pub async fn delete(&self, user_id: &UserId, devices: &[OwnedDeviceId]) -> Result<(), CommitError> {
        let mut statements: Vec<_> =
            devices.iter().flat_map(|device| delete_device(user_id.as_str(), device.as_str())).collect();
        statements.push(device_list_changed(user_id.as_str()));
        let changed = Notice::DeviceList { user_id: user_id.as_str().into() };
        self.store.commit(Commit::of(statements).notify(changed).notify(Notice::Pushers)).await?;
        self.forget(user_id, devices);
        Ok(())
    }

    /// Tokens of deleted devices work no more, also those that are remembered.
    fn forget(&self, user_id: &UserId, devices: &[OwnedDeviceId]) {
        for device in devices {
            self.tokens.forget_device(user_id, device);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(user, device)| user != user_id || !devices.contains(device));
    }

    /// Logs out all devices but `keep`.
    pub async fn delete_others(&self, user_id: &UserId, keep: Option<&DeviceId>) -> Result<(), CommitError> {
        let devices: Vec<OwnedDeviceId> = self
            .list(user_id)
            .await?
            .into_iter()
            .map(|device| OwnedDeviceId::from(device.device_id))
            .filter(|device| Some(&**device) != keep)
            .collect();
        if devices.is_empty() { Ok(()) } else { self.delete(user_id, &devices).await }
    }

    async fn commit(&self, user_id: &UserId, statements: Vec<causeway_store::Statement>) -> Result<(), CommitError> {
        let notice = Notice::DeviceList { user_id: user_id.as_str().into() };
        self.store.commit(Commit::of(statements).notify(notice)).await.map(drop)
    }
}
