use axum::Json;
use axum::extract::State;
use causeway_hub::reports::Reports;
use causeway_hub::rooms::Rooms;
use causeway_store::{ReportRow, Reported};
use ruma::api::client::room::report_room::v3::Request;
use serde_json::{Value, json};

use crate::{ApiError, RateLimits, Ruma};

/// `POST /_matrix/client/v3/rooms/{roomId}/report` (client-server API, "Reporting content"), also from outside
pub async fn report(
    State(rooms): State<Rooms>,
    State(reports): State<Reports>,
    State(limits): State<RateLimits>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let report = super::report(&limits, &requester, Some(request.reason))?;
    rooms.snapshot(&request.room_id).await?;
    reports.make(Reported::Room, ReportRow { room_id: Some(request.room_id.to_string()), ..report }).await?;
    Ok(Json(json!({})))
}
