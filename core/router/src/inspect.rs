//! What an admin sees of a queue.

use causeway_store::{DeadLetter, Exception, ExceptionKind};
use serde::Serialize;

use crate::queue::Queue;
use crate::router::{QueueError, Shared};
use crate::state::LastError;

#[derive(Clone, Debug, Serialize)]
pub struct QueueStatus {
    pub id: String,
    pub state: QueueState,
    /// entries still to be taken, the one in flight and the exceptions included
    pub waiting: u64,
    /// when the oldest of them was made, in milliseconds since the Unix epoch
    pub oldest: Option<i64>,
    /// everything up to here is taken, or among the exceptions or dead letters
    pub cursor: i64,
    pub in_flight: Option<InFlight>,
    /// milliseconds until the next try
    pub retry_in: Option<u64>,
    pub last_error: Option<LastError>,
    /// milliseconds since the Unix epoch
    pub last_success: Option<i64>,
    pub exceptions: Vec<ExceptionStatus>,
    pub dead_letters: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueState {
    /// at the head of the log
    Idle,
    Delivering,
    /// the destination does not take anything; it is tried again by and by
    Held,
    /// by an admin
    Paused,
}

#[derive(Clone, Debug, Serialize)]
pub struct InFlight {
    pub txn_id: String,
    pub attempt: u32,
    pub event_ids: Vec<String>,
    pub since: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct ExceptionStatus {
    pub position: i64,
    /// pending, held or split
    pub kind: &'static str,
    pub event_id: Option<String>,
    pub room_id: Option<String>,
    pub reason: String,
    pub attempts: u32,
    pub since: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct DeadLetterStatus {
    pub position: i64,
    pub event_id: Option<String>,
    pub room_id: Option<String>,
    pub reason: String,
    pub attempts: u32,
    pub since: i64,
    pub died: i64,
}

/// Exceptions that one answer lists.
const LISTED: usize = 100;

pub(crate) async fn status(shared: &Shared, queue: &Queue) -> Result<QueueStatus, QueueError> {
    let (mut status, behind, read, exceptions) = {
        let state = queue.state();
        let in_flight = state.in_flight().map(|transaction| InFlight {
            txn_id: transaction.id.clone(),
            attempt: transaction.attempt,
            event_ids: transaction.entries.iter().map(|entry| entry.event_id.to_string()).collect(),
            since: transaction.made,
        });
        let waiting = state.in_memory() as u64;
        let now = tokio::time::Instant::now();
        let retry_in = state.held_until().map(|until| until.saturating_duration_since(now).as_millis() as u64);
        let status = QueueStatus {
            id: queue.id.to_string(),
            state: match (state.paused, retry_in) {
                (true, _) => QueueState::Paused,
                (_, Some(_)) => QueueState::Held,
                _ if waiting > 0 || in_flight.is_some() => QueueState::Delivering,
                _ => QueueState::Idle,
            },
            waiting,
            oldest: state.oldest(),
            cursor: state.cursor().0,
            in_flight,
            retry_in,
            last_error: state.last_error.clone(),
            last_success: state.last_success,
            exceptions: Vec::new(),
            dead_letters: state.dead_letters,
        };
        let exceptions: Vec<Exception> = state.exceptions().take(LISTED).cloned().collect();
        (status, state.is_behind(), state.read(), exceptions)
    };
    if behind {
        status.waiting += shared.store.count_interested(queue.nid, read).await?;
    }
    let events: Vec<_> = exceptions.iter().map(|exception| exception.event).collect();
    let entries = shared.store.entries(&events).await?;
    status.exceptions = exceptions
        .into_iter()
        .map(|exception| {
            let entry = entries.iter().find(|entry| entry.nid == exception.event);
            ExceptionStatus {
                position: exception.position.0,
                kind: exception.kind.as_str(),
                event_id: entry.map(|entry| entry.event_id.to_string()),
                room_id: entry.map(|entry| entry.room_id.to_string()),
                reason: exception.reason,
                attempts: exception.attempts,
                since: exception.since,
            }
        })
        .collect();
    Ok(status)
}

pub(crate) async fn dead_letters(shared: &Shared, queue: &Queue) -> Result<Vec<DeadLetterStatus>, QueueError> {
    let letters = shared.store.dead_letters(queue.nid).await?;
    let events: Vec<_> = letters.iter().map(|letter| letter.event).collect();
    let entries = shared.store.entries(&events).await?;
    let status = |letter: DeadLetter| {
        let entry = entries.iter().find(|entry| entry.nid == letter.event);
        DeadLetterStatus {
            position: letter.position.0,
            event_id: entry.map(|entry| entry.event_id.to_string()),
            room_id: entry.map(|entry| entry.room_id.to_string()),
            reason: letter.reason,
            attempts: letter.attempts,
            since: letter.since,
            died: letter.died,
        }
    };
    Ok(letters.into_iter().map(status).collect())
}

/// A dead letter as an exception again, to be tried alone.
pub(crate) fn revived(letter: DeadLetter) -> Exception {
    Exception {
        position: letter.position,
        event: letter.event,
        room: letter.room,
        kind: ExceptionKind::Split,
        reason: letter.reason,
        attempts: 0,
        since: letter.since,
    }
}
