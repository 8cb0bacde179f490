//! Claiming one-time keys: each is given out once for ever.

use causeway_store::{Commit, CommitError, KEY_CLAIMED, KeyRow, Notice, claim_one_time_key, mark_fallback_key_used};
use ruma::{DeviceId, UserId};

use super::Keys;

impl Keys {
    /// A one-time key of the device, or its fallback key when there is none left.
    pub async fn claim(
        &self,
        user_id: &UserId,
        device_id: &DeviceId,
        algorithm: &str,
    ) -> Result<Option<KeyRow>, CommitError> {
        let (user, device) = (user_id.as_str(), device_id.as_str());
        let counts = || Notice::KeyCounts { user_id: user.into(), device_id: device.into() };
        while let Some(key) = self.store.next_one_time_key(user, device, algorithm).await? {
            let claim = claim_one_time_key(user, device, &key.key_id);
            match self.store.commit(Commit::of(vec![claim]).notify(counts())).await {
                Ok(_) => return Ok(Some(key)),
                // Somebody else was quicker: the next one.
                Err(CommitError::Lost(KEY_CLAIMED)) => {}
                Err(error) => return Err(error),
            }
        }
        let Some(key) = self.store.fallback_key(user, device, algorithm).await? else { return Ok(None) };
        let used = mark_fallback_key_used(user, device, &key.key_id);
        self.store.commit(Commit::of(vec![used]).notify(counts())).await?;
        Ok(Some(key))
    }
}
