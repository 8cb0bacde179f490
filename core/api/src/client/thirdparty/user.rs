use axum::Json;
use axum::extract::State;
use causeway_router::{Registrations, ThirdParty};
use ruma::api::client::thirdparty::get_user_for_protocol::v3::Request;
use serde_json::Value;

use super::{fields, unknown_protocol};
use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/thirdparty/user/{protocol}` (client-server API, "Third-party networks")
pub async fn find(
    State(registrations): State<Registrations>,
    Ruma { request, .. }: Ruma<Request>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let found = registrations.third_party(ThirdParty::User, &request.protocol, &fields(request.fields)).await;
    found.map(Json).ok_or_else(|| unknown_protocol(&request.protocol))
}
