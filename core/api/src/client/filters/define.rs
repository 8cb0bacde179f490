use axum::extract::State;
use causeway_hub::filters::Filters;
use ruma::api::client::filter::create_filter::v3::{Request, Response};

use crate::{Answer, ApiError, Ruma};

/// `POST /_matrix/client/v3/user/{userId}/filter` (client-server API, "Filtering")
pub async fn define(
    State(filters): State<Filters>,
    Ruma { request, requester, body }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    requester.must_be(&request.user_id)?;
    let text = std::str::from_utf8(&body).map_err(|_| ApiError::bad_request("M_NOT_JSON", "the body is not UTF-8"))?;
    let text = if text.is_empty() { "{}" } else { text };
    Ok(Answer(Response::new(filters.put(&requester.user_id, text).await?)))
}
