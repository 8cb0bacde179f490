use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use causeway_hub::reports::Reports;
use causeway_store::{ReportRow, Reported};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ApiError;
use crate::admin::authorize::Admin;

const PAGE: usize = 100;

#[derive(Deserialize)]
pub struct Parameters {
    #[serde(default)]
    from: usize,
    limit: Option<usize>,
}

type Asked = Result<Query<Parameters>, QueryRejection>;

/// `GET /_synapse/admin/v1/event_reports`, newest first
pub async fn events(_: Admin, State(reports): State<Reports>, asked: Asked) -> Result<Json<Value>, ApiError> {
    list(&reports, Reported::Event, asked, |row| {
        json!({
            "id": row.id, "received_ts": row.received, "room_id": row.room_id, "event_id": row.event_id,
            "user_id": row.reporter, "sender": row.user_id, "reason": row.reason, "score": row.score,
        })
    })
    .await
}

/// `GET /_synapse/admin/v1/user_reports`, newest first
pub async fn users(_: Admin, State(reports): State<Reports>, asked: Asked) -> Result<Json<Value>, ApiError> {
    list(&reports, Reported::User, asked, |row| {
        json!({
            "id": row.id, "received_ts": row.received, "user_id": row.reporter, "target_user_id": row.user_id,
            "reason": row.reason,
        })
    })
    .await
}

/// `GET /_causeway/admin/v1/room_reports`, newest first
pub async fn rooms(_: Admin, State(reports): State<Reports>, asked: Asked) -> Result<Json<Value>, ApiError> {
    list(&reports, Reported::Room, asked, |row| {
        json!({
            "id": row.id, "received_ts": row.received, "room_id": row.room_id, "user_id": row.reporter,
            "reason": row.reason,
        })
    })
    .await
}

async fn list(
    reports: &Reports,
    kind: Reported,
    asked: Asked,
    show: impl Fn(&ReportRow) -> Value,
) -> Result<Json<Value>, ApiError> {
    let Query(Parameters { from, limit }) = asked.map_err(|error| ApiError::invalid_param(error.body_text()))?;
    let limit = limit.unwrap_or(PAGE).min(1_000);
    let (rows, total) = reports.list(kind, from, limit).await?;
    let key = format!("{}_reports", kind.as_str());
    let mut answer = json!({ (key): rows.iter().map(show).collect::<Vec<_>>(), "total": total });
    if rows.len() == limit && (from + limit) < usize::try_from(total).unwrap_or_default() {
        answer["next_token"] = (from + limit).into();
    }
    Ok(Json(answer))
}
