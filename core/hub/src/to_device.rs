//! Messages from device to device.

use std::collections::BTreeMap;

use causeway_store::{
    Commit, CommitError, Notice, Position, Statement, Store, StoreError, TO_DEVICE_SENT, ToDeviceRow,
    delete_to_device_up_to, put_to_device, to_device_transaction,
};
use ruma::{DeviceId, OwnedUserId, UserId};
use serde_json::value::RawValue;

use crate::rooms::TransactionKey;
use crate::time::now_ms;

/// User → device id or `*` → content.
pub type Messages = BTreeMap<OwnedUserId, BTreeMap<String, Box<RawValue>>>;

#[derive(Clone)]
pub struct ToDevice {
    store: Store,
}

impl ToDevice {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Messages to users of this server. A repeated `transaction` of the same type sends nothing more.
    pub async fn send(
        &self,
        sender: &UserId,
        message_type: &str,
        transaction: &TransactionKey,
        messages: &Messages,
    ) -> Result<(), CommitError> {
        let txn_id = format!("{message_type}/{}", transaction.txn_id);
        let mut statements = vec![to_device_transaction(sender.as_str(), &transaction.device, &txn_id, now_ms())];
        let mut notices = Vec::new();
        for (user_id, devices) in messages {
            let known = self.store.devices(user_id.as_str()).await?;
            for device in &known {
                let Some(content) = devices.get(&device.device_id).or_else(|| devices.get("*")) else { continue };
                statements.push(message(user_id, &device.device_id, statements.len(), sender, message_type, content));
                notices.push(Notice::ToDevice {
                    user_id: user_id.as_str().into(),
                    device_id: device.device_id.as_str().into(),
                });
            }
        }
        let commit = Commit { notices, ..Commit::of(statements) };
        match self.store.commit(commit).await {
            Ok(_) | Err(CommitError::Lost(TO_DEVICE_SENT)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What a device has still to get, in order.
    pub async fn after(
        &self,
        user_id: &UserId,
        device_id: &DeviceId,
        since: Position,
        limit: usize,
    ) -> Result<Vec<ToDeviceRow>, StoreError> {
        self.store.to_device_after(user_id.as_str(), device_id.as_str(), since, limit as i64).await
    }

    /// The device has all up to this position.
    pub async fn acknowledge(
        &self,
        user_id: &UserId,
        device_id: &DeviceId,
        position: Position,
    ) -> Result<(), CommitError> {
        let statement = delete_to_device_up_to(user_id.as_str(), device_id.as_str(), position);
        self.store.commit(Commit::of(vec![statement])).await.map(drop)
    }
}

fn message(
    user_id: &UserId,
    device_id: &str,
    sequence: usize,
    sender: &UserId,
    message_type: &str,
    content: &RawValue,
) -> Statement {
    put_to_device(user_id.as_str(), device_id, sequence as i64, sender.as_str(), message_type, content.get())
}
