use axum::extract::State;
use ruma::api::client::account::ThirdPartyIdRemovalStatus;
use ruma::api::client::account::delete_3pid::v3::{Request, Response};

use super::may_change;
use crate::{Answer, Api, ApiError, Ruma};

/// `POST /_matrix/client/v3/account/3pid/delete`. Succeeds for an address that the account does not have, too.
pub async fn delete(
    State(api): State<Api>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    may_change(&api)?;
    api.threepids.delete(&requester.user_id, request.medium.as_str(), &request.address).await?;
    Ok(Answer(Response::new(ThirdPartyIdRemovalStatus::NoSupport)))
}
