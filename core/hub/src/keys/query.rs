//! Keys as others see them.

use causeway_store::StoreError;
use ruma::UserId;
use serde_json::{Map, Value, json};

use super::Keys;

/// Keys of one user. Objects as uploaded, with later signatures added that the viewer may see.
#[derive(Debug, Default)]
pub struct UserKeys {
    /// device → keys
    pub devices: Map<String, Value>,
    pub master: Option<Value>,
    pub self_signing: Option<Value>,
    /// only for the user themselves
    pub user_signing: Option<Value>,
}

impl Keys {
    /// `wanted` devices, or all when it is empty.
    pub async fn query(&self, user_id: &UserId, wanted: &[String], viewer: &UserId) -> Result<UserKeys, StoreError> {
        let user = user_id.as_str();
        let mut answer = UserKeys::default();
        let names = self.store.devices(user).await?;
        for (device_id, keys) in self.store.device_keys(user).await? {
            if !wanted.is_empty() && !wanted.contains(&device_id) {
                continue;
            }
            let mut keys = parse(&keys, user_id)?;
            self.add_signatures(&mut keys, user_id, &device_id, viewer).await?;
            let device = names.iter().find(|device| device.device_id == device_id);
            if let Some(name) = device.and_then(|device| device.display_name.as_deref()) {
                keys["unsigned"] = json!({ "device_display_name": name });
            }
            answer.devices.insert(device_id, keys);
        }
        for (usage, key) in self.store.cross_signing_keys(user).await? {
            let mut key = parse(&key, user_id)?;
            if let Some(public) = public_key(&key) {
                self.add_signatures(&mut key, user_id, &public, viewer).await?;
            }
            match usage.as_str() {
                "master" => answer.master = Some(key),
                "self_signing" => answer.self_signing = Some(key),
                "user_signing" if user_id == viewer => answer.user_signing = Some(key),
                _ => {}
            }
        }
        Ok(answer)
    }

    async fn add_signatures(
        &self,
        key: &mut Value,
        user_id: &UserId,
        key_id: &str,
        viewer: &UserId,
    ) -> Result<(), StoreError> {
        for row in self.store.key_signatures(user_id.as_str(), key_id, viewer.as_str()).await? {
            if !key["signatures"].is_object() {
                key["signatures"] = json!({});
            }
            if !key["signatures"][&row.signer].is_object() {
                key["signatures"][&row.signer] = json!({});
            }
            key["signatures"][&row.signer][&row.signing_key_id] = row.signature.into();
        }
        Ok(())
    }
}

/// A cross-signing object holds one key, `ed25519:{public key}`.
fn public_key(key: &Value) -> Option<String> {
    key["keys"].as_object()?.values().next()?.as_str().map(str::to_owned)
}

fn parse(text: &str, user_id: &UserId) -> Result<Value, StoreError> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() => Ok(value),
        other => Err(StoreError::Inconsistent {
            what: format!("keys of {user_id}"),
            source: other.err().map(|source| Box::new(source) as _),
        }),
    }
}
