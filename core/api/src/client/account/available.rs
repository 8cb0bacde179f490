use axum::extract::State;
use causeway_hub::accounts::RegisterError;
use ruma::api::client::account::get_username_availability::v3::{Request, Response};

use super::user_id_of;
use crate::{Answer, Api, ApiError, Ruma};

/// `GET /_matrix/client/v3/register/available` (client-server API, "Account registration")
pub async fn available(
    State(api): State<Api>,
    Ruma { request, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    if !api.config.enable_registration {
        return Err(ApiError::forbidden("registration is disabled"));
    }
    let user_id = user_id_of(&request.username, &api.config.server_name)?;
    if api.registrations.exclusive_owner_of_user(user_id.as_str()).is_some() {
        return Err(ApiError::bad_request("M_EXCLUSIVE", format!("{user_id} is not for you to make")));
    }
    if api.accounts.is_taken(&user_id).await? {
        return Err(RegisterError::InUse(user_id).into());
    }
    Ok(Answer(Response::new(true)))
}
