//! Rooms, in the shape of Synapse's admin API.

mod purge_history;
mod purge_history_status;

use axum::http::StatusCode;
use axum::routing::{get, post};
use causeway_hub::purge::PurgeError;

use crate::{ApiError, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .route("/_synapse/admin/v1/purge_history/{room_id}", post(purge_history::purge_history))
        .route("/_synapse/admin/v1/purge_history/{room_id}/{event_id}", post(purge_history::purge_history_before))
        .route("/_synapse/admin/v1/purge_history_status/{purge_id}", get(purge_history_status::purge_history_status))
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
