use axum::Json;
use axum::extract::State;
use causeway_hub::threepids::Purpose;
use causeway_hub::uia::ThreepidCreds;
use ruma::api::auth_scheme::AccessToken;
use ruma::api::client::account::add_3pid::v3::{Request, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::may_change;
use crate::client::interactive;
use crate::endpoint::Unparsed;
use crate::{Answer, Api, ApiError, Requester, Ruma};

/// `POST /_matrix/client/v3/account/3pid/add`
pub async fn add(
    State(api): State<Api>,
    Ruma { request, requester, body }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let creds = ThreepidCreds { sid: request.sid.to_string(), client_secret: request.client_secret.to_string() };
    prove_and_add(&api, &requester, &body, creds).await?;
    Ok(Answer(Response::new()))
}

#[derive(Deserialize)]
struct Body {
    #[serde(alias = "threepid_creds", alias = "threePidCreds")]
    three_pid_creds: ThreepidCreds,
}

/// `POST /_matrix/client/v3/account/3pid`, deprecated. Whoever has a stolen access token could take the account with
/// it, so the password is asked for as in [`add`].
pub async fn add_credentials(
    State(api): State<Api>,
    Unparsed { requester, body, .. }: Unparsed<AccessToken>,
) -> Result<Json<Value>, ApiError> {
    let Body { three_pid_creds } = serde_json::from_slice(&body)?;
    prove_and_add(&api, &requester, &body, three_pid_creds).await?;
    Ok(Json(json!({})))
}

async fn prove_and_add(api: &Api, requester: &Requester, body: &[u8], creds: ThreepidCreds) -> Result<(), ApiError> {
    may_change(api)?;
    interactive::confirm(api, requester, body).await?;
    let proof = api.threepids.proof(Purpose::Adding, &creds.sid, &creds.client_secret).await?;
    let Some(proof) = proof else {
        return Err(ApiError::bad_request("M_THREEPID_AUTH_FAILED", "the e-mail address was not confirmed yet"));
    };
    api.threepids.add(&requester.user_id, &proof).await?;
    Ok(())
}
