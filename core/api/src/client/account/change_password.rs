use axum::extract::State;
use ruma::api::client::account::change_password::v3::{Request, Response};

use super::check_password;
use crate::client::interactive;
use crate::{Answer, Api, ApiError, Ruma};

/// `POST /_matrix/client/v3/account/password` (client-server API, "Account management")
pub async fn change_password(
    State(api): State<Api>,
    Ruma { request, requester, body }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let requester = requester.ok_or_else(ApiError::missing_token)?;
    if requester.appservice.is_some() {
        return Err(ApiError::forbidden("an application service manages no passwords"));
    }
    check_password(&api, &request.new_password)?;
    interactive::confirm(&api, &requester, &body).await?;
    api.accounts.set_password(&requester.user_id, &request.new_password).await?;
    if request.logout_devices {
        api.devices.delete_others(&requester.user_id, requester.device_id.as_deref()).await?;
    }
    Ok(Answer(Response::new()))
}
