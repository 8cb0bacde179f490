use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use causeway_router::{Registered, Registrations, ReportError, ReportedState};
use ruma::api::auth_scheme::AppserviceToken;
use serde_json::{Value, json};

use crate::authenticate::{AppserviceRequester, Authentication};
use crate::{Api, ApiError};

/// An appservice in its own name.
pub struct Appservice(std::sync::Arc<Registered>);

impl FromRequestParts<Api> for Appservice {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let AppserviceRequester(registered) = AppserviceToken::authenticate(parts, api).await?;
        Ok(Self(registered))
    }
}

/// `POST /_causeway/appservice/v1/bridge_state`: how a bridge behind an appservice, or one of its logins, is. For
/// `homeserver.status_endpoint` of mautrix bridges; shown by `GET /_causeway/admin/v1/bridges/{id}/state`.
pub async fn bridge_state(
    Appservice(appservice): Appservice,
    State(registrations): State<Registrations>,
    body: String,
) -> Result<Json<Value>, ApiError> {
    let state: ReportedState =
        serde_json::from_str(&body).map_err(|error| ApiError::bad_request("M_BAD_JSON", error.to_string()))?;
    registrations.report_state(&appservice.registration.id, state)?;
    Ok(Json(json!({})))
}

impl From<ReportError> for ApiError {
    fn from(error: ReportError) -> Self {
        Self::bad_request("M_INVALID_PARAM", error.to_string())
    }
}
