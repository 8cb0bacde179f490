use axum::Json;
use axum::extract::State;
use causeway_router::Registrations;
use serde_json::{Map, Value};

use super::describe;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/registrations/check`: what `add` would say of this file, without adding it. The body is
/// the file itself, YAML or JSON.
pub async fn check(
    _: Admin,
    State(registrations): State<Registrations>,
    file: String,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let registration = registrations.check(&file)?;
    Ok(Json(describe(&registration)))
}
