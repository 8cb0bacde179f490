use axum::Json;
use axum::extract::State;
use causeway_hub::reports::Reports;
use causeway_hub::rooms::Rooms;
use causeway_hub::timelines::Timelines;
use causeway_store::{ReportRow, Reported};
use ruma::api::client::room::report_content::v3::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::room::viewer;
use crate::{ApiError, RateLimits, Ruma};

/// What the specification had until 1.13, and older clients send.
#[derive(Deserialize)]
struct Body {
    score: Option<i64>,
}

/// `POST /_matrix/client/v3/rooms/{roomId}/report/{eventId}` (client-server API, "Reporting content"), by who is in the
/// room and sees the event
pub async fn report(
    State(rooms): State<Rooms>,
    State(timelines): State<Timelines>,
    State(reports): State<Reports>,
    State(limits): State<RateLimits>,
    Ruma { request, requester, body }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let Body { score } = if body.is_empty() { Body { score: None } } else { serde_json::from_slice(&body)? };
    let report = super::report(&limits, &requester, request.reason)?;
    let room = rooms.snapshot(&request.room_id).await?;
    if !room.is_joined(&requester.user_id) {
        return Err(ApiError::not_found("you are not in this room"));
    }
    let (item, _) = timelines.visible(&room, viewer(&requester), &request.event_id).await?;
    let report = ReportRow {
        room_id: Some(request.room_id.to_string()),
        event_id: Some(request.event_id.to_string()),
        user_id: Some(item.entry.sender.to_string()),
        score,
        ..report
    };
    reports.make(Reported::Event, report).await?;
    Ok(Json(json!({})))
}
