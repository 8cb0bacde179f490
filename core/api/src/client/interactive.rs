//! User-interactive authentication at the edge: what is missing becomes a 401 with the flows.

use axum::http::StatusCode;
use causeway_hub::uia::{Attempt, Challenge, Progress, Stage};
use ruma::UserId;
use serde::Deserialize;
use serde_json::json;

use crate::{Api, ApiError, Limited, Requester};

#[derive(Default, Deserialize)]
struct WithAuth {
    auth: Option<Attempt>,
}

/// Goes on when the user gave their password with this request or before in its session. Appservices need none for
/// their users (application service API, "Device management").
pub(crate) async fn confirm(api: &Api, requester: &Requester, body: &[u8]) -> Result<(), ApiError> {
    if requester.appservice.is_some() {
        return Ok(());
    }
    if !api.config.password_confirms {
        return Err(ApiError::forbidden("this has to be confirmed by a password, and this server knows none"));
    }
    let user_id = requester.user_id.as_str();
    api.limits.check_failures(Limited::FailedConfirmation, user_id)?;
    let passed = pass(api, &[&[Stage::Password]], Some(&requester.user_id), body).await;
    if passed.as_ref().is_err_and(|refused| refused.errcode == "M_FORBIDDEN") {
        api.limits.count_failure(Limited::FailedConfirmation, user_id);
    }
    passed.map(drop)
}

/// Goes on when one flow is done; answers the registration token that was given on the way.
pub(crate) async fn pass(
    api: &Api,
    flows: &[&[Stage]],
    user_id: Option<&UserId>,
    body: &[u8],
) -> Result<Option<String>, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    let WithAuth { auth } = serde_json::from_slice(body)?;
    match api.uia.attempt(flows, auth, user_id, &api.accounts).await? {
        Progress::Done { registration_token } => Ok(registration_token),
        Progress::Challenge(challenge) => Err(refusal(&challenge)),
    }
}

fn refusal(challenge: &Challenge) -> ApiError {
    let names = |stages: &[Stage]| stages.iter().map(|stage| stage.as_str()).collect::<Vec<_>>();
    let flows: Vec<_> = challenge.flows.iter().map(|flow| json!({ "stages": names(flow) })).collect();
    let errcode = if challenge.failure.is_some() { "M_FORBIDDEN" } else { "" };
    ApiError::new(StatusCode::UNAUTHORIZED, errcode, challenge.failure.unwrap_or_default())
        .with("flows", flows)
        .with("completed", names(&challenge.completed))
        .with("params", json!({}))
        .with("session", challenge.session.as_str())
}
