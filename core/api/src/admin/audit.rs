use axum::Json;
use axum::extract::{Query, State};
use causeway_router::Registrations;
use serde::Deserialize;
use serde_json::{Value, json};

use super::authorize::Admin;
use crate::ApiError;

/// Entries of one answer, where the request doesn't say, and at most.
const SOME: i64 = 100;
const MOST: i64 = 1_000;

#[derive(Deserialize)]
pub struct Parameters {
    registration: Option<String>,
    /// entries before this number
    before: Option<i64>,
    limit: Option<i64>,
}

/// `GET /_causeway/admin/v1/audit`: who changed which registration, and as whom appservices act whom they did not make;
/// the newest first.
pub async fn audit(
    _: Admin,
    State(registrations): State<Registrations>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Value>, ApiError> {
    let limit = parameters.limit.unwrap_or(SOME).clamp(1, MOST);
    let before = parameters.before.unwrap_or(i64::MAX);
    let rows = registrations.audit_log(parameters.registration.as_deref(), before, limit).await?;
    let entries = rows.into_iter().map(|row| {
        json!({
            "number": row.number,
            "at": row.at,
            "actor": row.actor,
            "action": row.action,
            "registration": row.registration,
            "detail": row.detail,
        })
    });
    Ok(Json(json!({ "entries": entries.collect::<Vec<_>>() })))
}
