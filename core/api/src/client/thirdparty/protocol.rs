use axum::Json;
use axum::extract::State;
use causeway_router::Registrations;
use ruma::api::client::thirdparty::get_protocol::v3::Request;
use serde_json::Value;

use super::unknown_protocol;
use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/thirdparty/protocol/{protocol}` (client-server API, "Third-party networks")
pub async fn protocol(
    State(registrations): State<Registrations>,
    Ruma { request, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let answer = registrations.protocol(&request.protocol).await;
    answer.map(Json).ok_or_else(|| unknown_protocol(&request.protocol))
}
