//! What an emulator knows, and word of its changes to who waits for them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

pub struct Shared<S> {
    state: Mutex<S>,
    pub changed: watch::Sender<u64>,
}

impl<S: Default> Default for Shared<S> {
    fn default() -> Self {
        Self { state: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl<S> Shared<S> {
    pub fn state(&self) -> MutexGuard<'_, S> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn touch(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    pub fn change<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        let result = change(&mut self.state());
        self.touch();
        result
    }
}
