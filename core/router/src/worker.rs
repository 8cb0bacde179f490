//! The one task of a destination that has something to take. Does what [`State::next`](crate::state::State::next) says.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use causeway_fault::Point;
use causeway_store::{Commit, CommitError, Statement, StoreError};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Instrument;

use crate::destination::{Delivered, ErrorKind, Reason, Transaction};
use crate::ephemeral::{Ephemerals, Wanted};
use crate::metrics;
use crate::queue::Queue;
use crate::router::Shared;
use crate::state::{Next, PAGE, REPLAY_PAGE, Reading, Way};

/// Gives a queue that has something to do its worker, or wakes it.
pub(crate) fn rouse(shared: &Arc<Shared>, queue: &Arc<Queue>) {
    let start = {
        let mut state = queue.state();
        let wanted = !state.removed && (!state.paused || !state.is_written());
        wanted && !std::mem::replace(&mut state.running, true)
    };
    if start {
        shared.runtime.spawn(work(Arc::clone(shared), Arc::clone(queue)));
    } else {
        queue.wake.notify_one();
    }
}

/// What is being delivered: the way, and how long it took.
type Away<'a> = FuturesUnordered<BoxFuture<'a, (Way, Delivered, Duration)>>;

/// Asks a destination that is held now and then whether it is there again, however often the worker is woken meanwhile.
struct Probe {
    due: Instant,
    asking: Option<BoxFuture<'static, bool>>,
}

async fn work(shared: Arc<Shared>, queue: Arc<Queue>) {
    let mut away = Away::new();
    let mut probe = Probe { due: Instant::now() + shared.timing.probe, asking: None };
    loop {
        let next = queue.state().next(Instant::now(), shared.seen(), &shared.timing);
        match next {
            Next::Deliver(way, transaction) => away.push(deliver(&queue, way, transaction).boxed()),
            Next::Write(statements) => {
                write(&shared, &queue, statements).await;
                queue.state().written();
                queue.written.notify_waiters();
            }
            Next::Complete(events) => match shared.store.replaced(&events).await {
                Ok(replaced) => queue.state().completed(&replaced),
                Err(error) => unreadable(&shared, &queue, &error),
            },
            Next::Load(events) => match shared.store.entries(&events).await {
                Ok(entries) => queue.state().loaded(entries),
                Err(error) => unreadable(&shared, &queue, &error),
            },
            Next::Read(reading) => read(&shared, &queue, reading).await,
            Next::Ask(since, limit) => {
                let destination = queue.destination();
                let (ephemeral, devices) = (destination.wants_ephemeral(), destination.wants_devices());
                let told = match shared.ephemeral.get() {
                    Some(source) if ephemeral || devices => {
                        source.ephemerals(queue.nid, since, Wanted { ephemeral, devices, limit }).await
                    }
                    _ => Ok(Ephemerals::none(since)),
                };
                match told {
                    Ok(told) => queue.state().told(told, &shared.epoch),
                    Err(error) => unreadable(&shared, &queue, &error),
                }
            }
            Next::Sleep(until) => sleep(&shared, &queue, &mut away, &mut probe, until).await,
            Next::Rest => break,
        }
    }
}

async fn read(shared: &Shared, queue: &Queue, reading: Reading) {
    let (store, nid) = (&shared.store, queue.nid);
    let entries = match reading {
        Reading::Log(stretch) => store.log_interested(nid, stretch, PAGE).await,
        Reading::Lane(room, stretch, limit) => store.log_interested_in_room(nid, room, stretch, limit).await,
        Reading::Replay(stretch) => store.log_interested(nid, stretch, REPLAY_PAGE).await,
    };
    match (entries, reading) {
        (Ok(entries), Reading::Log(_)) => queue.state().page(entries),
        (Ok(entries), Reading::Lane(room, _, limit)) => queue.state().lane_page(room, entries, limit),
        (Ok(entries), Reading::Replay(_)) => queue.state().replay_page(entries),
        (Err(error), _) => unreadable(shared, queue, &error),
    }
}

/// Until then, an answer, a wake-up, or the return of a destination that was gone.
async fn sleep(shared: &Shared, queue: &Queue, away: &mut Away<'_>, probe: &mut Probe, until: Option<Instant>) {
    let held = queue.state().held_until().is_some();
    let time = async {
        match until {
            Some(until) => sleep_until(until).await,
            None => std::future::pending().await,
        }
    };
    let period = shared.timing.probe;
    tokio::select! {
        () = time => {}
        () = queue.wake.notified() => {}
        Some((way, answer, took)) = away.next() => {
            queue.state().answered(way, &answer, took, Instant::now(), &shared.timing);
        }
        back = probe.tick(queue, period), if held => if back {
            queue.state().answering(Instant::now());
        }
    }
}

impl Probe {
    /// Can be dropped and called again.
    async fn tick(&mut self, queue: &Queue, period: Duration) -> bool {
        let asking = match &mut self.asking {
            Some(asking) => asking,
            None => {
                sleep_until(self.due).await;
                let destination = queue.destination();
                self.asking.insert(async move { destination.probe().await }.boxed())
            }
        };
        let back = asking.await;
        self.asking = None;
        self.due = Instant::now() + period;
        back
    }
}

fn unreadable(shared: &Shared, queue: &Queue, error: &StoreError) {
    tracing::error!(destination = %queue.id, error = error as &dyn std::error::Error, "cannot read what waits");
    queue.state().failed_to_read(Instant::now(), &shared.timing);
}

/// Nothing goes out before this is on disk, so it is tried until it is.
async fn write(shared: &Shared, queue: &Queue, statements: Vec<Statement>) {
    let mut tries = 0;
    loop {
        match shared.store.commit(Commit::of(statements.clone())).await {
            Ok(_) => return,
            // The hub is ending: what is not recorded doesn't go out any more.
            Err(CommitError::Store(StoreError::Closed)) => std::future::pending().await,
            Err(error) => {
                tries += 1;
                tracing::error!(
                    destination = %queue.id,
                    error = &error as &dyn std::error::Error,
                    "cannot record a delivery; trying again"
                );
                tokio::time::sleep(shared.timing.delay(tries)).await;
                if queue.state().removed {
                    return;
                }
            }
        }
    }
}

/// The longest a destination may take; its own limits are shorter.
const PATIENCE: Duration = Duration::from_secs(300);

async fn deliver(queue: &Queue, way: Way, transaction: Arc<Transaction>) -> (Way, Delivered, Duration) {
    Point::TransactionRecorded.pass();
    let destination = queue.destination();
    let span = tracing::info_span!("router.deliver", destination = %queue.id, txn_id = %transaction.id);
    let begun = Instant::now();
    // a bug in one destination must not end its worker, nor pass for an outage
    let delivery = AssertUnwindSafe(destination.deliver(&transaction)).catch_unwind();
    let answer = match timeout(PATIENCE, delivery).instrument(span).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => {
            let text = "the delivery panicked; see the log";
            Delivered::Failed { reason: Reason::new(ErrorKind::Failed, text) }
        }
        Err(_) => {
            Delivered::Unanswered { reason: Reason::new(ErrorKind::Unanswered, "no answer in time"), alive: false }
        }
    };
    Point::TransactionAnswered.pass();
    let took = begun.elapsed();
    metrics::delivered(&queue.id, &transaction, &answer, took);
    log(queue, &transaction, &answer, took);
    (way, answer, took)
}

fn log(queue: &Queue, transaction: &Transaction, answer: &Delivered, took: Duration) {
    let Some(reason) = answer.reason() else {
        tracing::info!(
            destination = %queue.id,
            txn_id = %transaction.id,
            attempt = transaction.attempt,
            position = transaction.entries.first().map(|entry| entry.position.0),
            events = transaction.entries.len(),
            ephemeral = transaction.ephemeral.len(),
            to_device = transaction.to_device.len(),
            duration_ms = took.as_millis() as u64,
            "transaction taken"
        );
        return;
    };
    tracing::warn!(
        destination = %queue.id,
        txn_id = %transaction.id,
        attempt = transaction.attempt,
        position = transaction.entries.first().map(|entry| entry.position.0),
        events = transaction.entries.len(),
        duration_ms = took.as_millis() as u64,
        outcome = answer.outcome(),
        reason = reason.text,
        "transaction not taken"
    );
}
