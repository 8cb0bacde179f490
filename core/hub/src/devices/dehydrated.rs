//! Dehydrated devices (MSC3814): a device that is nowhere on, and gets keys until its user logs in again.

use causeway_store::{
    CommitError, Position, StoreError, ToDeviceRow, create_device, delete_device, device_list_changed,
    put_dehydrated_device, put_device_keys, put_fallback_key, put_one_time_key,
};
use ruma::{DeviceId, OwnedDeviceId, UserId};

use super::Devices;
use crate::keys::Upload;
use crate::time::now_ms;

/// Messages that are read at once.
const PAGE: i64 = 100;

/// `PUT …/dehydrated_device`
pub struct Dehydrated<'a> {
    pub device_id: &'a DeviceId,
    pub display_name: Option<&'a str>,
    /// JSON
    pub data: &'a str,
    /// with the device's own
    pub keys: Upload,
}

impl Devices {
    /// Makes the user's dehydrated device, in place of the one before with its keys and messages.
    ///
    /// # Errors
    /// `Lost(DEVICE_EXISTS)` when another device of the user has this id.
    pub async fn dehydrate(&self, user_id: &UserId, device: Dehydrated<'_>) -> Result<(), CommitError> {
        let (user, device_id) = (user_id.as_str(), device.device_id.as_str());
        let before = self.store.dehydrated_device(user).await?.map(|(device, _)| OwnedDeviceId::from(device));
        let mut statements = Vec::new();
        if let Some(before) = &before {
            statements.extend(delete_device(user, before.as_str()));
        }
        statements.push(create_device(user, device_id, device.display_name, now_ms()));
        statements.push(put_dehydrated_device(user, device_id, device.data));
        if let Some(keys) = &device.keys.device_keys {
            statements.push(put_device_keys(user, device_id, keys.get()));
        }
        let one_time = device.keys.one_time_keys.iter();
        statements.extend(one_time.map(|(id, key)| put_one_time_key(user, device_id, id, key.get())));
        let fallback = device.keys.fallback_keys.iter();
        statements.extend(fallback.map(|(id, key)| put_fallback_key(user, device_id, id, key.get())));
        statements.push(device_list_changed(user));
        self.commit(user_id, statements).await?;
        self.forget(user_id, before.as_slice());
        Ok(())
    }

    /// (device, its data as JSON)
    pub async fn dehydrated(&self, user_id: &UserId) -> Result<Option<(OwnedDeviceId, String)>, StoreError> {
        let found = self.store.dehydrated_device(user_id.as_str()).await?;
        Ok(found.map(|(device, data)| (device.into(), data)))
    }

    /// What the dehydrated device got after a position, in order. It stays there until the device is deleted.
    pub async fn dehydrated_messages(
        &self,
        user_id: &UserId,
        device_id: &DeviceId,
        since: Position,
    ) -> Result<Vec<ToDeviceRow>, StoreError> {
        self.store.to_device_after(user_id.as_str(), device_id.as_str(), since, PAGE).await
    }
}
