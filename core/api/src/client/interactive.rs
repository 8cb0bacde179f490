//! User-interactive authentication at the edge: what is missing becomes a 401 with the flows.

use axum::http::StatusCode;
use causeway_hub::threepids::Purpose;
use causeway_hub::uia::{Attempt, Challenge, Judges, Progress, Shown, Stage};
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
    let judges = Judges { user_id: Some(&requester.user_id), ..judges(api, Purpose::Adding) };
    let passed = pass(api, &[vec![Stage::Password]], judges, body).await;
    if passed.as_ref().is_err_and(|refused| refused.errcode == "M_FORBIDDEN") {
        api.limits.count_failure(Limited::FailedConfirmation, user_id);
    }
    passed.map(drop)
}

/// Those who judge stages, of nobody yet.
pub(crate) fn judges(api: &Api, purpose: Purpose) -> Judges<'_> {
    Judges { accounts: &api.accounts, threepids: &api.threepids, user_id: None, purpose }
}

/// Goes on when one flow is done; answers what was shown on the way.
pub(crate) async fn pass(api: &Api, flows: &[Vec<Stage>], judges: Judges<'_>, body: &[u8]) -> Result<Shown, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    let WithAuth { auth } = serde_json::from_slice(body)?;
    match api.uia.attempt(flows, auth, judges).await? {
        Progress::Done(shown) => Ok(shown),
        Progress::Challenge(challenge) => Err(refusal(api, &challenge)),
    }
}

fn refusal(api: &Api, challenge: &Challenge) -> ApiError {
    let mut params = json!({});
    let has_terms = challenge.flows.iter().flatten().any(|stage| *stage == Stage::Terms);
    if let Some(terms) = api.config.terms.as_ref().filter(|_| has_terms) {
        let url = format!("{}/_matrix/consent?v={}", api.config.base_url(), terms.version);
        let policy = json!({ "version": terms.version, "en": { "name": terms.name, "url": url } });
        params[Stage::Terms.as_str()] = json!({ "policies": { "privacy_policy": policy } });
    }
    let names = |stages: &[Stage]| stages.iter().map(|stage| stage.as_str()).collect::<Vec<_>>();
    let flows: Vec<_> = challenge.flows.iter().map(|flow| json!({ "stages": names(flow) })).collect();
    let (errcode, text) = challenge.failure.map_or(("", ""), |failure| (failure.errcode, failure.text));
    ApiError::new(StatusCode::UNAUTHORIZED, errcode, text)
        .with("flows", flows)
        .with("completed", names(&challenge.completed))
        .with("params", params)
        .with("session", challenge.session.as_str())
}
