use axum::extract::State;
use causeway_hub::account_data::AccountData;
use ruma::api::client::config::set_room_account_data::v3::{Request, Response};

use super::check;
use crate::{Answer, ApiError, Ruma};

/// `PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}` (client-server API, "Client Config")
pub async fn set_in_room(
    State(account_data): State<AccountData>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    requester.must_be(&request.user_id)?;
    let (data_type, content) = (request.event_type.to_string(), request.data.json().get());
    check(&data_type, content)?;
    account_data.set(&requester.user_id, Some(&request.room_id), &data_type, content).await?;
    Ok(Answer(Response::new()))
}
