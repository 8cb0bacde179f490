//! Rooms, in the shape of Synapse's admin API.

mod block;
mod delete;
mod delete_status;
mod list;
mod members;
mod purge_history;
mod purge_history_status;
mod show;
mod state;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::routing::{get, post};
use causeway_hub::deletions::DeletionError;
use causeway_hub::purge::PurgeError;
use ruma::OwnedRoomId;
use serde_json::{Value, json};

use crate::{ApiError, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    let room = "/_synapse/admin/v1/rooms/{room_id}";
    routes
        .route("/_synapse/admin/v1/rooms", get(list::list))
        .route(room, get(show::show).delete(delete::delete_and_wait))
        .route("/_synapse/admin/v2/rooms/{room_id}", axum::routing::delete(delete::delete))
        .route("/_synapse/admin/v2/rooms/{room_id}/delete_status", get(delete_status::of_room))
        .route("/_synapse/admin/v2/rooms/delete_status/{delete_id}", get(delete_status::of_deletion))
        .route(&format!("{room}/members"), get(members::members))
        .route(&format!("{room}/state"), get(state::state))
        .route(&format!("{room}/block"), get(block::get).put(block::put))
        .route("/_synapse/admin/v1/purge_history/{room_id}", post(purge_history::purge_history))
        .route("/_synapse/admin/v1/purge_history/{room_id}/{event_id}", post(purge_history::purge_history_before))
        .route("/_synapse/admin/v1/purge_history_status/{purge_id}", get(purge_history_status::purge_history_status))
}

/// The room that a path names.
type Named = Result<Path<OwnedRoomId>, PathRejection>;

fn named(room_id: Named) -> Result<OwnedRoomId, ApiError> {
    let Path(room_id) = room_id.map_err(|error| ApiError::invalid_param(error.body_text()))?;
    Ok(room_id)
}

/// How a purge or a deletion is, in Synapse's words.
fn status(ended: Option<&Result<(), String>>) -> Value {
    match ended {
        None => json!({ "status": "active" }),
        Some(Ok(())) => json!({ "status": "complete" }),
        Some(Err(error)) => json!({ "status": "failed", "error": error }),
    }
}

impl From<PurgeError> for ApiError {
    fn from(error: PurgeError) -> Self {
        let text = error.to_string();
        match error {
            PurgeError::UnknownRoom(_) | PurgeError::UnknownEvent { .. } => Self::not_found(text),
            PurgeError::Running(_) => Self::new(StatusCode::BAD_REQUEST, "M_UNKNOWN", text),
            PurgeError::Store(error) => error.into(),
        }
    }
}

impl From<DeletionError> for ApiError {
    fn from(error: DeletionError) -> Self {
        let text = error.to_string();
        match error {
            DeletionError::UnknownRoom(_) => Self::not_found(text),
            DeletionError::NotOurs(_) => Self::invalid_param(text),
            DeletionError::UnderWay(_) => Self::new(StatusCode::BAD_REQUEST, "M_UNKNOWN", text),
            DeletionError::Room(error) => error.into(),
        }
    }
}
