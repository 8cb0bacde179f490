use axum::Json;
use axum::extract::State;
use causeway_hub::accounts::Accounts;
use causeway_hub::reports::Reports;
use causeway_store::{ReportRow, Reported};
use ruma::api::client::reporting::report_user::v3::Request;
use serde_json::{Value, json};

use crate::{ApiError, RateLimits, Ruma};

/// `POST /_matrix/client/v3/users/{userId}/report` (client-server API, "Reporting content")
pub async fn report(
    State(accounts): State<Accounts>,
    State(reports): State<Reports>,
    State(limits): State<RateLimits>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let report = super::report(&limits, &requester, Some(request.reason))?;
    if !accounts.is_taken(&request.user_id).await? {
        return Err(ApiError::not_found(format!("there is no user {}", request.user_id)));
    }
    reports.make(Reported::User, ReportRow { user_id: Some(request.user_id.to_string()), ..report }).await?;
    Ok(Json(json!({})))
}
