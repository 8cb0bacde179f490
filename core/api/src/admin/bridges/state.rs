use axum::Json;
use axum::extract::{Path, State};
use causeway_engine::EngineError;
use causeway_router::Registrations;
use serde_json::{Value, json};

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_causeway/admin/v1/bridges/{id}/state`: how the bridge and each of its logins are, in the form and the words in
/// which mautrix bridges report their bridge state. Of a bridge behind an appservice what it said itself.
pub async fn state(
    _: Admin,
    State(registrations): State<Registrations>,
    engine: Option<Bridges>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let unknown = match engine.map(|engine| engine.bridge(&id).map(|bridge| bridge.bridge_state())) {
        Some(Ok(state)) => return Ok(Json(json!(state))),
        Some(Err(error)) => error,
        None => EngineError::NotFound(format!("bridge {id}; `causeway bridge list` names them")),
    };
    match registrations.get(&id) {
        Some(_) => Ok(Json(json!(registrations.reported_states(&id)))),
        None => Err(unknown.into()),
    }
}
