//! What users report to those who run the server.

mod event;
mod room;
mod user;

use causeway_store::ReportRow;
use ruma::api::client::{reporting, room as rooms};

use crate::{ApiError, Limited, RateLimits, Requester, Routes};

/// Bytes of a reason.
const LONGEST: usize = 10_000;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .on::<rooms::report_content::v3::Request, _>(event::report)
        .on::<rooms::report_room::v3::Request, _>(room::report)
        .on::<reporting::report_user::v3::Request, _>(user::report)
}

/// A report of nothing yet.
fn report(limits: &RateLimits, requester: &Requester, reason: Option<String>) -> Result<ReportRow, ApiError> {
    limits.check(Limited::Report, requester)?;
    if reason.as_ref().is_some_and(|reason| reason.len() > LONGEST) {
        return Err(ApiError::too_large(format!("a reason may have {LONGEST} bytes")));
    }
    Ok(ReportRow {
        id: 0,
        reporter: requester.user_id.to_string(),
        room_id: None,
        event_id: None,
        user_id: None,
        reason,
        score: None,
        received: 0,
    })
}
