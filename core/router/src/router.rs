//! The router: all destinations of this process, one pass over the log, one worker for each that has something to take.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use causeway_store::{
    Commit, CommitError, DestinationNid, Entry, Exception, ExceptionKind, Position, Statement, Store, StoreError,
    Stretch, delete_dead_letter, forget_dead_letter, pause_destination, put_exception, remove_destination,
};
use tokio::time::Instant;

use crate::destination::{Destination, DestinationId};
use crate::dispatch::dispatch;
use crate::ephemeral::EphemeralSource;
use crate::inspect::{self, DeadLetterStatus, QueueStatus};
use crate::metrics::Labels;
use crate::queue::Queue;
use crate::restore::restore;
use crate::settle::Settled;
use crate::state::State;
use crate::timing::{Timing, now_ms};
use crate::worker::rouse;

/// All destinations. Cheap to clone.
#[derive(Clone)]
pub struct Router {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub store: Store,
    /// where workers run, whoever rouses them
    pub runtime: tokio::runtime::Handle,
    pub timing: Timing,
    /// of this process: for transactions that are never repeated after a restart
    pub epoch: String,
    pub ephemeral: OnceLock<Arc<dyn EphemeralSource>>,
    queues: RwLock<HashMap<DestinationNid, Arc<Queue>>>,
    seen: AtomicI64,
    /// whose gauges were set
    observed: Mutex<BTreeSet<Labels>>,
}

impl Shared {
    pub fn observed(&self) -> MutexGuard<'_, BTreeSet<Labels>> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn queue(&self, nid: DestinationNid) -> Option<Arc<Queue>> {
        self.queues.read().unwrap_or_else(PoisonError::into_inner).get(&nid).cloned()
    }

    pub fn queues(&self) -> Vec<Arc<Queue>> {
        self.queues.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub fn queue_of(&self, id: &DestinationId) -> Option<Arc<Queue>> {
        self.queues.read().unwrap_or_else(PoisonError::into_inner).values().find(|queue| queue.id == *id).cloned()
    }

    /// How far the log has been handed out.
    pub fn seen(&self) -> Position {
        Position(self.seen.load(Ordering::Acquire))
    }

    pub fn set_seen(&self, position: Position) {
        self.seen.store(position.0, Ordering::Release);
    }
}

/// Why a queue was not changed.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    #[error("there is no destination {0}; `causeway queue list` shows them")]
    Unknown(DestinationId),
    #[error("{destination} has no such entry at position {position}; `causeway queue show` lists them")]
    UnknownEntry { destination: DestinationId, position: i64 },
    #[error("a replay to {0} is under way; wait for its end, or cancel it")]
    Replaying(DestinationId),
    #[error(
        "there is nothing to replay to {destination} between {from} and {until}: it has taken what comes before {next}"
    )]
    EmptyReplay { destination: DestinationId, from: i64, until: i64, next: i64 },
    #[error("no replay to {0} is under way")]
    NoReplay(DestinationId),
    #[error(transparent)]
    Store(#[from] CommitError),
}

impl From<StoreError> for QueueError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

impl Router {
    /// Begins to hand out the log. Must be called inside a tokio runtime, before anything is committed.
    pub fn start(store: Store, timing: Timing) -> Self {
        let groups = store.watch();
        let seen = AtomicI64::new(store.position().0);
        let shared = Arc::new(Shared {
            store,
            runtime: tokio::runtime::Handle::current(),
            timing,
            epoch: random_epoch(),
            ephemeral: OnceLock::new(),
            queues: RwLock::default(),
            seen,
            observed: Mutex::default(),
        });
        tokio::spawn(dispatch(Arc::clone(&shared), groups));
        Self { shared }
    }

    /// Who knows typing, receipts and presence. Told once, at composition.
    pub fn set_ephemeral_source(&self, source: Arc<dyn EphemeralSource>) {
        if self.shared.ephemeral.set(source).is_err() {
            tracing::warn!("the router has its source of ephemeral events already");
        }
    }

    /// Adds a destination: a new one begins at the present end of the log, a known one where it was. One that is here
    /// already is replaced: its next transaction goes to the new one.
    pub async fn register(&self, destination: Arc<dyn Destination>) -> Result<DestinationNid, QueueError> {
        let id = destination.id().clone();
        if let Some(queue) = self.shared.queue_of(&id) {
            queue.replace_destination(destination);
            rouse(&self.shared, &queue);
            return Ok(queue.nid);
        }
        let store = &self.shared.store;
        let row = store.ensure_destination(&id.0, &random_epoch()).await?;
        let nid = row.nid;
        let stored = restore(store, row).await?;
        let state = State::restore(stored, destination.batch(), destination.parallel());
        let queue = Arc::new(Queue::new(destination, state));
        self.shared.queues.write().unwrap_or_else(PoisonError::into_inner).insert(nid, Arc::clone(&queue));
        rouse(&self.shared, &queue);
        Ok(nid)
    }

    /// Stops delivering until it is registered again; its cursor stays. What is in flight is answered or repeated.
    pub fn unregister(&self, id: &DestinationId) {
        if let Some(queue) = self.shared.queue_of(id) {
            self.shared.queues.write().unwrap_or_else(PoisonError::into_inner).remove(&queue.nid);
            queue.state().removed = true;
            queue.wake.notify_one();
        }
    }

    /// Ends a destination: what waits for it lapses.
    pub async fn remove(&self, id: &DestinationId) -> Result<(), QueueError> {
        let queue = self.known(id)?;
        self.commit(vec![remove_destination(queue.nid)]).await?;
        self.unregister(id);
        Ok(())
    }

    /// Holds a destination, durably. The transaction in flight is still answered.
    pub async fn pause(&self, id: &DestinationId) -> Result<(), QueueError> {
        let queue = self.known(id)?;
        self.commit(vec![pause_destination(queue.nid, true)]).await?;
        queue.state().paused = true;
        queue.wake.notify_one();
        Ok(())
    }

    pub async fn resume(&self, id: &DestinationId) -> Result<(), QueueError> {
        let queue = self.known(id)?;
        self.commit(vec![pause_destination(queue.nid, false)]).await?;
        {
            let mut state = queue.state();
            state.paused = false;
            state.returned(Instant::now());
        }
        rouse(&self.shared, &queue);
        Ok(())
    }

    /// A sign of life (a request of its own): its back-off ends as soon as it has started.
    pub fn alive(&self, nid: DestinationNid) {
        if let Some(queue) = self.shared.queue(nid) {
            let ended = queue.state().alive(Instant::now());
            if ended {
                queue.wake.notify_one();
            }
        }
    }

    /// It has answered a ping that it asked for: its back-off ends as soon as it has started (bridgev2 asks before it
    /// knows who is logged in), and what failed is tried then.
    pub fn returned(&self, nid: DestinationNid) {
        if let Some(queue) = self.shared.queue(nid) {
            queue.state().answering(Instant::now());
            rouse(&self.shared, &queue);
        }
    }

    /// There is typing, a receipt or presence to tell to these destinations.
    pub fn ephemeral_changed(&self, destinations: &[DestinationNid]) {
        for nid in destinations {
            let Some(queue) = self.shared.queue(*nid) else { continue };
            if queue.destination().wants_ephemeral() {
                queue.state().want_ephemeral();
                rouse(&self.shared, &queue);
            }
        }
    }

    /// There is something about devices to tell to these destinations. It goes out before events: what follows may be
    /// encrypted with the keys in it.
    pub fn devices_changed(&self, destinations: &[DestinationNid]) {
        for nid in destinations {
            let Some(queue) = self.shared.queue(*nid) else { continue };
            if queue.destination().wants_devices() {
                queue.state().want_devices();
                rouse(&self.shared, &queue);
            }
        }
    }

    /// What became of a pending entry; written within some milliseconds. False: it is not pending (any more).
    pub fn settle(&self, id: &DestinationId, position: Position, settled: &Settled) -> bool {
        let Some(queue) = self.shared.queue_of(id) else { return false };
        let known = queue.state().settle(position, settled, Instant::now(), &self.shared.timing);
        rouse(&self.shared, &queue);
        known
    }

    /// Takes an entry that was settled before as a pending one again, and offers it. It comes late: what followed it in
    /// its room was taken long ago.
    pub async fn offer_again(&self, id: &DestinationId, entry: &Entry) -> Result<(), QueueError> {
        let queue = self.known(id)?;
        let exception = Exception {
            position: entry.position,
            event: entry.nid,
            room: entry.room_nid,
            kind: ExceptionKind::Pending,
            reason: "its sender asked for another try".to_owned(),
            attempts: 0,
            since: now_ms(),
        };
        let forget = forget_dead_letter(queue.nid, entry.position);
        self.commit(vec![forget, put_exception(queue.nid, &exception)]).await?;
        queue.state().reopen(&exception, Instant::now());
        rouse(&self.shared, &queue);
        Ok(())
    }

    /// Offers everything pending again, before anything new: its holder is new and knows nothing of it.
    pub fn revive(&self, id: &DestinationId) {
        if let Some(queue) = self.shared.queue_of(id) {
            queue.state().revive();
            rouse(&self.shared, &queue);
        }
    }

    /// All queues, by name.
    pub async fn queue_list(&self) -> Result<Vec<QueueStatus>, QueueError> {
        let mut list = Vec::new();
        for queue in self.shared.queues() {
            list.push(inspect::status(&self.shared, &queue).await?);
        }
        list.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(list)
    }

    pub async fn queue_show(&self, id: &DestinationId) -> Result<QueueStatus, QueueError> {
        inspect::status(&self.shared, &*self.known(id)?).await
    }

    pub async fn dead_letters(&self, id: &DestinationId) -> Result<Vec<DeadLetterStatus>, QueueError> {
        inspect::dead_letters(&self.shared, &*self.known(id)?).await
    }

    /// Tries a dead letter again, alone; without a position all of them. How many.
    pub async fn retry(&self, id: &DestinationId, position: Option<Position>) -> Result<usize, QueueError> {
        let queue = self.known(id)?;
        let mut letters = self.shared.store.dead_letters(queue.nid).await?;
        letters.retain(|letter| position.is_none_or(|position| letter.position == position));
        if let (Some(position), []) = (position, &letters[..]) {
            return Err(QueueError::UnknownEntry { destination: id.clone(), position: position.0 });
        }
        let count = letters.len();
        for letter in letters {
            let late = inspect::late(letter);
            let statements =
                vec![delete_dead_letter(queue.nid, late.position, "dead letter"), put_exception(queue.nid, &late)];
            match self.commit(statements).await {
                Err(CommitError::Lost(_)) => {
                    return Err(QueueError::UnknownEntry { destination: id.clone(), position: late.position.0 });
                }
                other => other?,
            }
            queue.state().reopen(&late, Instant::now());
        }
        rouse(&self.shared, &queue);
        Ok(count)
    }

    /// Gives up an entry that fails, or waits to be repeated: it becomes a dead letter now, and its room goes on.
    pub fn skip(&self, id: &DestinationId, position: Position) -> Result<(), QueueError> {
        let queue = self.known(id)?;
        let skipped = queue.state().skip(position, Instant::now());
        rouse(&self.shared, &queue);
        if skipped { Ok(()) } else { Err(QueueError::UnknownEntry { destination: id.clone(), position: position.0 }) }
    }

    /// Delivers once more what the destination was interested in from `from` to `until`, both included: marked, under an
    /// epoch of its own, beside what is new. What it has not taken yet comes by its own way. How many entries.
    pub async fn replay(
        &self,
        id: &DestinationId,
        from: Option<Position>,
        until: Option<Position>,
    ) -> Result<u64, QueueError> {
        let queue = self.known(id)?;
        let cursor = queue.state().cursor();
        let after = Position(from.map_or(0, |from| from.0.saturating_sub(1)).max(0));
        let until = until.unwrap_or(cursor).min(cursor);
        let count = self.shared.store.count_interested(queue.nid, Stretch { after, until }).await?;
        if count == 0 {
            return Err(QueueError::EmptyReplay {
                destination: id.clone(),
                from: after.0 + 1,
                until: until.0,
                next: cursor.0 + 1,
            });
        }
        if !queue.state().replay(random_epoch(), after, until, Instant::now()) {
            return Err(QueueError::Replaying(id.clone()));
        }
        self.flush(&queue).await;
        Ok(count)
    }

    pub async fn cancel_replay(&self, id: &DestinationId) -> Result<(), QueueError> {
        let queue = self.known(id)?;
        if !queue.state().cancel_replay(Instant::now()) {
            return Err(QueueError::NoReplay(id.clone()));
        }
        self.flush(&queue).await;
        Ok(())
    }

    /// Lets everything lapse that the destination still has to take up to a position (the present end without one), its
    /// dead letters there included. What is being delivered at this moment is answered first.
    pub async fn lapse(&self, id: &DestinationId, until: Option<Position>) -> Result<Lapsed, QueueError> {
        let queue = self.known(id)?;
        let before = self.queue_show(id).await?;
        let end = self.shared.seen();
        let until = until.map_or(end, |until| until.min(end));
        queue.state().lapse(until, Instant::now());
        self.flush(&queue).await;
        let after = self.queue_show(id).await?;
        Ok(Lapsed {
            until: until.0,
            entries: before.waiting.saturating_sub(after.waiting),
            dead_letters: before.dead_letters.saturating_sub(after.dead_letters),
            waiting: after.waiting,
        })
    }

    /// Until what is known of the queue is on disk. What is being delivered is not waited for.
    async fn flush(&self, queue: &Arc<Queue>) {
        loop {
            let written = queue.written.notified();
            rouse(&self.shared, queue);
            if queue.state().is_written() {
                return;
            }
            written.await;
        }
    }

    fn known(&self, id: &DestinationId) -> Result<Arc<Queue>, QueueError> {
        self.shared.queue_of(id).ok_or_else(|| QueueError::Unknown(id.clone()))
    }

    async fn commit(&self, statements: Vec<Statement>) -> Result<(), CommitError> {
        self.shared.store.commit(Commit::of(statements)).await.map(|_| ())
    }
}

/// What an admin let lapse.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Lapsed {
    /// nothing up to this position is owed any more
    pub until: i64,
    pub entries: u64,
    pub dead_letters: u64,
    /// what still waits: entries after it, and what is being delivered
    pub waiting: u64,
}

/// First half of transaction ids: unique among all processes and restores.
fn random_epoch() -> String {
    format!("{:012x}", rand::random::<u64>() >> 16)
}
