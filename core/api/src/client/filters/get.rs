use axum::Json;
use axum::extract::State;
use causeway_hub::filters::Filters;
use ruma::api::client::filter::get_filter::v3::Request;
use serde_json::value::RawValue;

use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/user/{userId}/filter/{filterId}` (client-server API, "Filtering")
pub async fn get(
    State(filters): State<Filters>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Box<RawValue>>, ApiError> {
    requester.must_be(&request.user_id)?;
    match filters.get(&requester.user_id, &request.filter_id).await? {
        Some(filter) => Ok(Json(RawValue::from_string(filter)?)),
        None => Err(ApiError::not_found("there is no such filter")),
    }
}
