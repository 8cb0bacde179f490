use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use causeway_hub::sync::{SlidingBody, SlidingError, SlidingRequest, Sync};
use ruma::api::auth_scheme::AccessToken;
use ruma::presence::PresenceState;
use serde::Deserialize;
use serde_json::Value;

use crate::ApiError;
use crate::endpoint::Unparsed;

pub const PATH: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";

#[derive(Deserialize)]
pub struct Parameters {
    pos: Option<String>,
    /// milliseconds
    #[serde(default)]
    timeout: u64,
    #[serde(default)]
    set_presence: PresenceState,
}

/// `POST /_matrix/client/unstable/org.matrix.simplified_msc3575/sync` (MSC4186)
pub async fn sync(
    State(sync): State<Sync>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    Unparsed { requester, body, .. }: Unparsed<AccessToken>,
) -> Result<Json<Value>, ApiError> {
    let Query(parameters) = parameters.map_err(|error| ApiError::invalid_param(error.body_text()))?;
    let body: SlidingBody = if body.is_empty() { SlidingBody::default() } else { serde_json::from_slice(&body)? };
    let request = SlidingRequest {
        user_id: requester.user_id,
        device: requester.device_id.map(|device| device.to_string()).unwrap_or_default(),
        pos: parameters.pos.filter(|pos| !pos.is_empty()),
        timeout: Duration::from_millis(parameters.timeout),
        set_presence: parameters.set_presence,
        body,
    };
    Ok(Json(sync.sliding(&request).await?))
}

impl From<SlidingError> for ApiError {
    fn from(error: SlidingError) -> Self {
        let text = error.to_string();
        match error {
            SlidingError::UnknownPos(_) => Self::bad_request("M_UNKNOWN_POS", text),
            SlidingError::Invalid(_) => Self::invalid_param(text),
            SlidingError::Room(error) => error.into(),
        }
    }
}
