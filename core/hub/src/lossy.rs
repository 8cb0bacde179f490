//! One count of all changes that may be lost: typing and presence. A mark in a sync token.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::time::now_ms;

#[derive(Clone)]
pub struct Lossy {
    last: Arc<AtomicU64>,
}

impl Default for Lossy {
    /// Begins with the time in milliseconds, so that marks of an earlier start lie before it.
    fn default() -> Self {
        Self::starting_at(now_ms().unsigned_abs())
    }
}

impl Lossy {
    pub fn starting_at(last: u64) -> Self {
        Self { last: Arc::new(AtomicU64::new(last)) }
    }

    pub fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    pub(crate) fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::AcqRel) + 1
    }
}
