use axum::Json;
use axum::extract::State;
use causeway_router::Registrations;
use ruma::api::client::thirdparty::get_user_for_user_id::v3::Request;
use serde_json::Value;

use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/thirdparty/user` (client-server API, "Third-party networks")
pub async fn find(
    State(registrations): State<Registrations>,
    Ruma { request, .. }: Ruma<Request>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let found = registrations.users_of_id(request.userid.as_str()).await;
    if found.is_empty() {
        return Err(ApiError::not_found(format!("nobody is known behind {}", request.userid)));
    }
    Ok(Json(found))
}
