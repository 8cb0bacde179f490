//! Devices of users.

use causeway_store::{Store, StoreError};
use ruma::{DeviceId, UserId};

#[derive(Clone)]
pub struct Devices {
    store: Store,
}

impl Devices {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    pub async fn exists(&self, user_id: &UserId, device_id: &DeviceId) -> Result<bool, StoreError> {
        let _ = (user_id, device_id, &self.store);
        Ok(false)
    }
}
