use axum::extract::State;
use causeway_hub::accounts::Accounts;
use ruma::api::client::account::check_registration_token_validity::v1::{Request, Response};

use crate::limits::Address;
use crate::{Answer, ApiError, Limited, RateLimits, Ruma};

/// `GET /_matrix/client/v1/register/m.login.registration_token/validity` (client-server API, "Token-authenticated
/// registration")
pub async fn validity(
    State(accounts): State<Accounts>,
    State(limits): State<RateLimits>,
    address: Address,
    Ruma { request, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    limits.check_key(Limited::TokenValidity, &address.0)?;
    Ok(Answer(Response::new(accounts.is_registration_token_valid(&request.token).await?)))
}
