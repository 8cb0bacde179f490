//! The one task of a destination that has something to take. Does what [`State::next`](crate::state::State::next) says.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use causeway_fault::Point;
use causeway_store::{Commit, Statement};
use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Instrument;

use crate::destination::{Delivered, Transaction};
use crate::ephemeral::{Ephemerals, Wanted};
use crate::metrics;
use crate::queue::Queue;
use crate::router::Shared;
use crate::state::{Next, PAGE};

/// Gives a queue that has something to do its worker, or wakes it.
pub(crate) fn rouse(shared: &Arc<Shared>, queue: &Arc<Queue>) {
    let start = {
        let mut state = queue.state();
        !state.paused && !state.removed && !std::mem::replace(&mut state.running, true)
    };
    if start {
        shared.runtime.spawn(work(Arc::clone(shared), Arc::clone(queue)));
    } else {
        queue.wake.notify_one();
    }
}

async fn work(shared: Arc<Shared>, queue: Arc<Queue>) {
    loop {
        let next = queue.state().next(Instant::now(), shared.seen(), &shared.timing);
        match next {
            Next::Deliver(transaction) => deliver(&shared, &queue, transaction).await,
            Next::Write(statements) => {
                write(&shared, &queue, statements).await;
                queue.state().written();
            }
            Next::Complete(events) => match shared.store.replaced(&events).await {
                Ok(replaced) => queue.state().completed(replaced),
                Err(error) => unreadable(&shared, &queue, &error),
            },
            Next::Load(events) => match shared.store.entries(&events).await {
                Ok(entries) => queue.state().loaded(entries),
                Err(error) => unreadable(&shared, &queue, &error),
            },
            Next::Read(after) => match shared.store.log_interested(queue.nid, after, PAGE).await {
                Ok(entries) => queue.state().page(entries),
                Err(error) => {
                    queue.state().fall_behind();
                    unreadable(&shared, &queue, &error);
                }
            },
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
            Next::Sleep(until) => sleep(&shared, &queue, until).await,
            Next::Rest => break,
        }
        metrics::waiting(&queue);
    }
    metrics::waiting(&queue);
}

/// Until then, a wake-up, or the return of a destination that was gone.
async fn sleep(shared: &Shared, queue: &Queue, until: Instant) {
    let held = queue.state().held_until().is_some();
    tokio::select! {
        () = sleep_until(until) => {}
        () = queue.wake.notified() => {}
        () = returned(queue, shared.timing.probe), if held => queue.state().life(),
    }
}

async fn returned(queue: &Queue, period: Duration) {
    let destination = queue.destination();
    loop {
        tokio::time::sleep(period).await;
        if destination.probe().await {
            return;
        }
    }
}

fn unreadable(shared: &Shared, queue: &Queue, error: &causeway_store::StoreError) {
    tracing::error!(destination = %queue.id, error = error as &dyn std::error::Error, "cannot read what waits");
    queue.state().failed_to_read(Instant::now(), &shared.timing);
}

/// Nothing goes out before this is on disk, so it is tried until it is.
async fn write(shared: &Shared, queue: &Queue, statements: Vec<Statement>) {
    let mut tries = 0;
    loop {
        match shared.store.commit(Commit::of(statements.clone())).await {
            Ok(_) => return,
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

async fn deliver(shared: &Shared, queue: &Queue, transaction: Arc<Transaction>) {
    Point::TransactionRecorded.pass();
    let destination = queue.destination();
    let span = tracing::info_span!("router.deliver", destination = %queue.id, txn_id = %transaction.id);
    let begun = Instant::now();
    // a bug in one destination must not end its worker, nor pass for an outage
    let delivery = AssertUnwindSafe(destination.deliver(&transaction)).catch_unwind();
    let answer = match timeout(PATIENCE, delivery).instrument(span).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Delivered::Failed { reason: "the delivery panicked; see the log".to_owned() },
        Err(_) => Delivered::Held { reason: "no answer in time".to_owned(), retry_after: None },
    };
    Point::TransactionAnswered.pass();
    let took = begun.elapsed();
    metrics::delivered(&queue.id, &transaction, &answer, took);
    log(queue, &transaction, &answer, took);
    drop(transaction);
    queue.state().answered(&answer, Instant::now(), &shared.timing);
}

fn log(queue: &Queue, transaction: &Transaction, answer: &Delivered, took: Duration) {
    let outcome = match answer {
        Delivered::Taken { .. } => {
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
        }
        Delivered::Held { reason, .. } => ("held", reason),
        Delivered::Failed { reason } => ("failed", reason),
    };
    tracing::warn!(
        destination = %queue.id,
        txn_id = %transaction.id,
        attempt = transaction.attempt,
        position = transaction.entries.first().map(|entry| entry.position.0),
        events = transaction.entries.len(),
        duration_ms = took.as_millis() as u64,
        outcome = outcome.0,
        reason = outcome.1,
        "transaction not taken"
    );
}
