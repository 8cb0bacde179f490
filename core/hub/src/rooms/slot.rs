//! One room's place in memory.
//!
//! ```text
//!   builder (one at a time)                     readers
//!     head ──build──▶ head' ──build──▶ head''     committed
//!              │ enqueue         │ enqueue           ▲
//!              └──── disk ───────┴──── disk ─────────┘ moved in commit order, before anybody is answered
//! ```
//!
//! The lock covers building an event and taking its place in the committer's queue, never the wait for the disk. When
//! a commit is refused, every event built on it is refused too, and the next builder reads the room anew: epochs tell
//! an old refusal from one of the present head.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Mutex, MutexGuard};

use causeway_store::Position;

use super::snapshot::RoomSnapshot;

pub(super) struct Slot {
    head: Mutex<Option<RoomSnapshot>>,
    committed: RwLock<Option<Arc<RoomSnapshot>>>,
    /// heads of this epoch and before can't be built on
    broken: AtomicU64,
    /// state events in memory: of this room, and of all together
    size: AtomicUsize,
    total: Arc<AtomicUsize>,
}

impl Slot {
    pub fn new(total: Arc<AtomicUsize>) -> Self {
        Self {
            head: Mutex::default(),
            committed: RwLock::default(),
            broken: AtomicU64::default(),
            size: AtomicUsize::default(),
            total,
        }
    }

    pub async fn lock(&self) -> MutexGuard<'_, Option<RoomSnapshot>> {
        self.head.lock().await
    }

    pub fn broken(&self) -> u64 {
        self.broken.load(Ordering::Acquire)
    }

    pub fn committed(&self) -> Option<Arc<RoomSnapshot>> {
        self.committed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows readers what was read from the database.
    pub fn loaded(&self, snapshot: &RoomSnapshot) {
        let mut committed = self.committed.write().unwrap_or_else(PoisonError::into_inner);
        if committed.as_ref().is_none_or(|known| known.position < snapshot.position) {
            if committed.as_ref().is_none_or(|known| known.state_nid != snapshot.state_nid) {
                self.weigh(snapshot.state.len());
            }
            *committed = Some(Arc::new(snapshot.clone()));
        }
    }

    /// The room is gone from the database.
    pub fn forget(&self) {
        *self.committed.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.weigh(0);
    }

    /// How many state events the room has.
    pub fn weigh(&self, size: usize) {
        let before = self.size.swap(size, Ordering::Relaxed);
        self.total.fetch_add(size, Ordering::Relaxed);
        self.total.fetch_sub(before, Ordering::Relaxed);
    }

    /// Called by the committer, in commit order.
    pub fn settled(&self, mut snapshot: RoomSnapshot, position: Option<Position>) {
        match position {
            Some(position) => {
                snapshot.position = position;
                self.loaded(&snapshot);
            }
            None => {
                self.broken.fetch_max(snapshot.epoch, Ordering::AcqRel);
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.weigh(0);
    }
}
