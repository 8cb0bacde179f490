use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use causeway_router::{PingError, Registrations};
use ruma::api::client::appservice::request_ping::v1::Request;
use serde_json::{Value, json};

use crate::{ApiError, Ruma};

/// `POST /_matrix/client/v1/appservice/{appserviceId}/ping` (application service API, "Pinging")
pub async fn ping(
    State(registrations): State<Registrations>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let appservice = requester.0;
    if appservice.registration.id != request.appservice_id {
        return Err(ApiError::forbidden(format!("the token is not that of {}", request.appservice_id)));
    }
    let took = registrations.ping(&appservice, request.transaction_id.as_ref().map(|id| id.as_str())).await?;
    Ok(Json(json!({ "duration_ms": took.as_millis() as u64 })))
}

impl From<PingError> for ApiError {
    fn from(error: PingError) -> Self {
        let text = error.to_string();
        match error {
            PingError::UrlNotSet => Self::bad_request("M_URL_NOT_SET", text),
            PingError::Timeout => Self::new(StatusCode::GATEWAY_TIMEOUT, "M_CONNECTION_TIMEOUT", text),
            PingError::Failed(_) => Self::new(StatusCode::BAD_GATEWAY, "M_CONNECTION_FAILED", text),
            PingError::BadStatus { status, body } => {
                Self::new(StatusCode::BAD_GATEWAY, "M_BAD_STATUS", text).with("status", status).with("body", body)
            }
        }
    }
}
