//! `/_causeway/admin/v1/queues`: what each destination still has to take, since when, and why not.

mod cancel_replay;
mod dead;
pub(super) mod deliveries;
mod lapse;
mod list;
mod replay;
mod retry;
mod retry_event;
mod show;
mod skip;

use axum::http::StatusCode;
use axum::routing::{get, post};
use causeway_router::{DestinationId, QueueError, destination_id};
use causeway_store::CommitError;
use serde::Deserialize;

use crate::{ApiError, Routes};

pub(super) fn routes(routes: Routes) -> Routes {
    let base = "/_causeway/admin/v1/queues";
    routes
        .route(base, get(list::list))
        .route(&format!("{base}/{{id}}"), get(show::show))
        .route(&format!("{base}/{{id}}/dead"), get(dead::dead))
        .route(&format!("{base}/{{id}}/lapse"), post(lapse::lapse))
        .route(&format!("{base}/{{id}}/replay"), post(replay::replay).delete(cancel_replay::cancel_replay))
        .route(&format!("{base}/{{id}}/retry"), post(retry::retry))
        .route(&format!("{base}/{{id}}/skip"), post(skip::skip))
        .route("/_causeway/admin/v1/events/{event_id}/deliveries", get(deliveries::deliveries))
        .route("/_causeway/admin/v1/events/{event_id}/retry", post(retry_event::retry_event))
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        let text = error.to_string();
        match error {
            QueueError::Unknown(_) | QueueError::UnknownEntry { .. } | QueueError::NoReplay(_) => Self::not_found(text),
            QueueError::EmptyReplay { .. } => Self::invalid_param(text),
            QueueError::Replaying(_) => Self::new(StatusCode::CONFLICT, "M_UNKNOWN", text),
            QueueError::Store(CommitError::Lost(_)) => Self::new(StatusCode::CONFLICT, "M_UNKNOWN", text),
            QueueError::Store(error) => error.into(),
        }
    }
}

/// `appservice:irc`, `login:irc:alice`, or a registration's id alone.
fn destination(id: &str) -> DestinationId {
    if id.contains(':') { DestinationId(id.into()) } else { destination_id(id) }
}

/// Which entry is meant.
#[derive(Deserialize)]
struct Entry {
    position: i64,
}

/// Which of the entries are meant.
#[derive(Deserialize)]
struct Entries {
    /// all of them without
    position: Option<i64>,
}

/// A piece of the log, both ends included.
#[derive(Deserialize)]
struct Range {
    /// the log's beginning without
    from: Option<i64>,
    /// the present without
    to: Option<i64>,
    /// of an appservice: also what it was not interested in then, in the rooms that concern it now
    #[serde(default)]
    history: bool,
}
