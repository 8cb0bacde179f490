//! Which devices have more or fewer one-time and fallback keys than before.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// (user, device) → the count of the last change. In memory: after a start, all devices with keys are told of anyway.
#[derive(Default)]
pub(super) struct KeyCounts(Mutex<HashMap<(String, String), u64>>);

impl KeyCounts {
    pub fn changed(&self, user_id: &str, device_id: &str, count: u64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((user_id.to_owned(), device_id.to_owned()), count);
    }

    pub fn after(&self, mark: u64) -> Vec<(String, String)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().filter(|(_, count)| **count > mark).map(|(device, _)| device.clone()).collect()
    }
}
