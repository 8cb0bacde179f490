//! What an admin sees of a queue.

use causeway_store::{DeadLetter, Exception, ExceptionKind};
use serde::Serialize;
use tokio::time::Instant;

use crate::queue::Queue;
use crate::router::{QueueError, Shared};
use crate::state::{Behind, LaneView, LastError, State};

#[derive(Clone, Debug, Serialize)]
pub struct QueueStatus {
    pub id: String,
    pub state: QueueState,
    /// entries still to be taken, the one in flight, lanes and exceptions included; a replay is not
    pub waiting: u64,
    /// when the oldest of them was made, in milliseconds since the Unix epoch
    pub oldest: Option<i64>,
    /// everything up to here is taken, or of a lane, or among the exceptions or dead letters
    pub cursor: i64,
    /// transactions that are not answered, the oldest first
    pub in_flight: Vec<InFlight>,
    /// milliseconds until the next try
    pub retry_in: Option<u64>,
    pub last_error: Option<LastError>,
    /// milliseconds since the Unix epoch
    pub last_success: Option<i64>,
    /// rooms that go their own way: behind an entry that failed, or side by side
    pub lanes: Vec<LaneStatus>,
    pub exceptions: Vec<ExceptionStatus>,
    pub replay: Option<ReplayStatus>,
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
pub struct LaneStatus {
    pub room_id: Option<String>,
    /// everything of the room up to here is done
    pub cursor: i64,
    /// in memory; those that are still to be read from the log are not counted
    pub waiting: u64,
    /// the entry that comes next
    pub position: Option<i64>,
    pub event_id: Option<String>,
    /// how often it failed alone, and why at last
    pub attempts: u32,
    pub reason: Option<String>,
    /// its first failure, in milliseconds since the Unix epoch
    pub since: Option<i64>,
    /// milliseconds until the next try
    pub retry_in: Option<u64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ReplayStatus {
    /// everything up to here is delivered once more
    pub cursor: i64,
    pub until: i64,
    pub waiting: u64,
    pub attempts: u32,
    pub reason: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ExceptionStatus {
    pub position: i64,
    /// pending, split or late
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

/// Exceptions, and lanes, that one answer lists.
const LISTED: usize = 100;

pub(crate) async fn status(shared: &Shared, queue: &Queue) -> Result<QueueStatus, QueueError> {
    let (mut status, behind, exceptions) = {
        let state = queue.state();
        let now = Instant::now();
        let exceptions: Vec<Exception> = state.exceptions().take(LISTED).collect();
        (seen(queue, &state, now), state.behind(), exceptions)
    };
    let (store, nid) = (&shared.store, queue.nid);
    status.waiting += behind_memory(shared, queue, &behind).await?;
    if let (Some(replay), Some(stretch)) = (&mut status.replay, behind.replay) {
        replay.waiting += store.count_interested(nid, stretch).await?;
    }
    let events: Vec<_> = exceptions.iter().map(|exception| exception.event).collect();
    let entries = store.entries(&events).await?;
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

/// Entries still to be taken.
pub(crate) async fn waiting(shared: &Shared, queue: &Queue) -> Result<u64, QueueError> {
    let (in_memory, behind) = {
        let state = queue.state();
        (state.in_memory() as u64, state.behind())
    };
    Ok(in_memory + behind_memory(shared, queue, &behind).await?)
}

/// Those of them that are still to be read from the log.
async fn behind_memory(shared: &Shared, queue: &Queue, behind: &Behind) -> Result<u64, QueueError> {
    let mut count = 0;
    if let Some(stretch) = behind.log {
        count += shared.store.count_interested(queue.nid, stretch).await?;
    }
    for (room, stretch) in &behind.rooms {
        count += shared.store.count_interested_in_room(queue.nid, *room, *stretch).await?;
    }
    Ok(count)
}

/// What memory knows.
fn seen(queue: &Queue, state: &State, now: Instant) -> QueueStatus {
    let in_flight: Vec<InFlight> = state
        .in_flight()
        .into_iter()
        .map(|transaction| InFlight {
            txn_id: transaction.id.clone(),
            attempt: transaction.attempt,
            event_ids: transaction.entries.iter().map(|entry| entry.event_id.to_string()).collect(),
            since: transaction.made,
        })
        .collect();
    let waiting = state.in_memory() as u64;
    let wait = |until: Instant| until.saturating_duration_since(now).as_millis() as u64;
    let retry_in = state.held_until().map(wait);
    let replay = state.replay_view().map(|(lane, until)| ReplayStatus {
        cursor: lane.cursor.0,
        until: until.0,
        waiting: lane.waiting as u64,
        attempts: lane.attempts,
        reason: text(lane.reason),
    });
    let lane = |lane: LaneView<'_>| LaneStatus {
        room_id: lane.room_id.map(str::to_owned),
        cursor: lane.cursor.0,
        waiting: lane.waiting as u64,
        position: lane.first.map(|(position, _)| position.0),
        event_id: lane.first.map(|(_, event_id)| event_id.to_owned()),
        attempts: lane.attempts,
        reason: text(lane.reason),
        since: Some(lane.since).filter(|since| *since > 0),
        retry_in: lane.retry_at.map(wait),
    };
    QueueStatus {
        id: queue.id.to_string(),
        state: match (state.paused, retry_in) {
            (true, _) => QueueState::Paused,
            (_, Some(_)) => QueueState::Held,
            _ if waiting > 0 || !in_flight.is_empty() || replay.is_some() => QueueState::Delivering,
            _ => QueueState::Idle,
        },
        waiting,
        oldest: state.oldest(),
        cursor: state.cursor().0,
        in_flight,
        retry_in,
        last_error: state.last_error.clone(),
        last_success: state.last_success,
        lanes: state.lanes().take(LISTED).map(lane).collect(),
        exceptions: Vec::new(),
        replay,
        dead_letters: state.dead_letters() as u64,
    }
}

fn text(reason: &str) -> Option<String> {
    (!reason.is_empty()).then(|| reason.to_owned())
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
pub(crate) fn late(letter: DeadLetter) -> Exception {
    Exception {
        position: letter.position,
        event: letter.event,
        room: letter.room,
        kind: ExceptionKind::Late,
        reason: letter.reason,
        attempts: 0,
        since: letter.since,
    }
}
