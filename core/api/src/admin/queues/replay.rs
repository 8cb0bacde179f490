use axum::Json;
use axum::extract::{Path, State};
use causeway_router::{Registrations, Router};
use causeway_store::Position;
use serde_json::{Value, json};

use super::{Range, destination};
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/queues/{id}/replay`: delivers once more what was delivered from position `from` to `to`,
/// marked and under new transaction ids, beside what is new; with `history` also what it was not told then. Answers how
/// many events.
pub async fn replay(
    admin: Admin,
    State(router): State<Router>,
    State(registrations): State<Registrations>,
    Path(id): Path<String>,
    Json(range): Json<Range>,
) -> Result<Json<Value>, ApiError> {
    let destination = destination(&id);
    if range.history {
        registrations.reach_back(&destination, range.from.map(Position)).await?;
    }
    let events = router.replay(&destination, range.from.map(Position), range.to.map(Position)).await?;
    tracing::info!(%admin, destination = id, from = range.from, to = range.to, events, "replay begun");
    Ok(Json(json!({ "events": events })))
}
