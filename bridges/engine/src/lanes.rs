//! Lanes: the inbox in memory. Each lane has one worker at a time; a delivery that adds to a lane holds its gate from
//! looking at it until its rows are on disk, so that memory and disk keep the same order.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Gate, OwnedMutexGuard};

use crate::bridge::Bridge;
use crate::work::{Lane, Work};

#[derive(Default)]
pub(crate) struct Waiting {
    pub works: VecDeque<(i64, Work)>,
    pub worked: bool,
}

pub(crate) struct Lanes {
    lanes: Mutex<HashMap<Lane, Arc<Gate<Waiting>>>>,
    next: AtomicI64,
}

impl Lanes {
    pub fn new() -> Self {
        Self { lanes: Mutex::default(), next: AtomicI64::new(1) }
    }

    pub fn lane(&self, lane: &Lane) -> Arc<Gate<Waiting>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(lane.clone()).or_default())
    }

    /// The gates of several lanes, taken in one order everywhere.
    pub async fn enter(&self, lanes: BTreeSet<Lane>) -> HashMap<Lane, OwnedMutexGuard<Waiting>> {
        let mut gates = HashMap::new();
        for lane in lanes {
            let gate = self.lane(&lane).lock_owned().await;
            gates.insert(lane, gate);
        }
        gates
    }

    pub fn next_seq(&self) -> i64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Numbers go on after what is on disk.
    pub fn continue_after(&self, seq: i64) {
        self.next.fetch_max(seq + 1, Ordering::Relaxed);
    }

    /// Starts a worker for each lane where something waits.
    pub async fn rouse(&self, bridge: &Arc<Bridge>) {
        let lanes: Vec<_> = {
            let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            lanes.iter().map(|(lane, gate)| (lane.clone(), Arc::clone(gate))).collect()
        };
        for (lane, gate) in lanes {
            let mut waiting = gate.lock().await;
            if !waiting.works.is_empty() && !std::mem::replace(&mut waiting.worked, true) {
                tokio::spawn(Arc::clone(bridge).work_off(lane));
            }
        }
    }
}
