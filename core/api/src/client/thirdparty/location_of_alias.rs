use axum::Json;
use axum::extract::State;
use causeway_router::Registrations;
use ruma::api::client::thirdparty::get_location_for_room_alias::v3::Request;
use serde_json::Value;

use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/thirdparty/location` (client-server API, "Third-party networks")
pub async fn find(
    State(registrations): State<Registrations>,
    Ruma { request, .. }: Ruma<Request>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let found = registrations.locations_of_alias(request.alias.as_str()).await;
    if found.is_empty() {
        return Err(ApiError::not_found(format!("nothing is known behind {}", request.alias)));
    }
    Ok(Json(found))
}
