use axum::extract::State;
use causeway_hub::threepids::Purpose;
use causeway_hub::uia::Stage;
use ruma::api::client::account::change_password::v3::{Request, Response};

use super::check_password;
use crate::client::interactive;
use crate::{Answer, Api, ApiError, Ruma};

/// `POST /_matrix/client/v3/account/password` (client-server API, "Account management"): with an access token the old
/// password is asked for, without one an e-mail address of the account has to be proved.
pub async fn change_password(
    State(api): State<Api>,
    Ruma { request, requester, body }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let Some(requester) = requester else {
        reset(&api, &request, &body).await?;
        return Ok(Answer(Response::new()));
    };
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

async fn reset(api: &Api, request: &Request, body: &[u8]) -> Result<(), ApiError> {
    if !api.threepids.sends_mail() || !api.config.password_login {
        return Err(ApiError::missing_token());
    }
    check_password(api, &request.new_password)?;
    let judges = interactive::judges(api, Purpose::PasswordReset);
    let shown = interactive::pass(api, &[vec![Stage::EmailIdentity]], judges, body).await?;
    let gone = || ApiError::bad_request("M_THREEPID_NOT_FOUND", "no account has this e-mail address");
    let proof = shown.email.ok_or_else(gone)?;
    let user_id = api.threepids.owner("email", &proof.address).await?.ok_or_else(gone)?;
    api.threepids.take(&proof).await?;
    api.accounts.set_password(&user_id, &request.new_password).await?;
    if request.logout_devices {
        api.devices.delete_others(&user_id, None).await?;
    }
    Ok(())
}
