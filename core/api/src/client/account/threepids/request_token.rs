use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use causeway_hub::threepids::{Purpose, RequestError, TokenRequest, canonical_email};
use ruma::api::auth_scheme::NoAccessToken;
use ruma::{OwnedClientSecret, UInt};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::may_change;
use crate::endpoint::Unparsed;
use crate::limits::Address;
use crate::{Api, ApiError, Limited};

#[derive(Deserialize)]
pub struct Body {
    client_secret: OwnedClientSecret,
    email: String,
    send_attempt: UInt,
    next_link: Option<String>,
}

/// What all three are asked with.
type Asked = Unparsed<NoAccessToken>;

/// `POST /_matrix/client/v3/register/email/requestToken`
pub async fn to_register(State(api): State<Api>, from: Address, asked: Asked) -> Result<Json<Value>, ApiError> {
    if !api.config.enable_registration {
        return Err(ApiError::forbidden("registration is disabled"));
    }
    request(&api, &from, Purpose::Registration, &asked.body).await
}

/// `POST /_matrix/client/v3/account/password/email/requestToken`
pub async fn to_reset_password(State(api): State<Api>, from: Address, asked: Asked) -> Result<Json<Value>, ApiError> {
    if !api.config.password_login {
        return Err(ApiError::forbidden("passwords don't log in to this server"));
    }
    request(&api, &from, Purpose::PasswordReset, &asked.body).await
}

/// `POST /_matrix/client/v3/account/3pid/email/requestToken`
pub async fn to_add(State(api): State<Api>, from: Address, asked: Asked) -> Result<Json<Value>, ApiError> {
    may_change(&api)?;
    request(&api, &from, Purpose::Adding, &asked.body).await
}

/// `POST /_matrix/client/v3/{register,account/password,account/3pid}/msisdn/requestToken`
pub async fn by_telephone(_: Asked) -> ApiError {
    ApiError::bad_request("M_THREEPID_MEDIUM_NOT_SUPPORTED", "this server sends no text messages")
}

async fn request(api: &Api, from: &Address, purpose: Purpose, body: &[u8]) -> Result<Json<Value>, ApiError> {
    let body: Body = serde_json::from_slice(body)?;
    api.limits.check_key(Limited::ThreepidValidation, &from.0)?;
    if let Some(address) = canonical_email(&body.email) {
        let address = address.to_string();
        let allowed = api.config.allowed_emails.as_ref().is_none_or(|patterns| patterns.is_match(&address));
        // A password can be reset for an address that was allowed once.
        if !allowed && purpose != Purpose::PasswordReset {
            let text = "this server takes no e-mail addresses like this one";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "M_THREEPID_DENIED", text));
        }
        api.limits.check_key(Limited::ThreepidValidation, &format!("email:{address}"))?;
    }
    if let Some(link) = &body.next_link {
        check_next_link(api, link)?;
    }
    let request = TokenRequest {
        purpose,
        email: body.email,
        client_secret: body.client_secret.to_string(),
        send_attempt: i64::from(body.send_attempt),
        next_link: body.next_link,
    };
    let sid = api.threepids.request_token(request).await?;
    Ok(Json(json!({ "sid": sid })))
}

/// Who gets the mail is sent there.
fn check_next_link(api: &Api, link: &str) -> Result<(), ApiError> {
    let url = Url::parse(link).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    let Some(url) = url else {
        return Err(ApiError::invalid_param("next_link must be an http or https URL"));
    };
    let allowed = api.config.next_link_domains.as_ref();
    if allowed.is_some_and(|domains| !domains.iter().any(|domain| Some(domain.as_str()) == url.host_str())) {
        return Err(ApiError::invalid_param("'next_link' domain not included in whitelist, or not http(s)"));
    }
    Ok(())
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        let text = error.to_string();
        match error {
            RequestError::NoMail => Self::bad_request("M_THREEPID_MEDIUM_NOT_SUPPORTED", text),
            RequestError::NoAddress => Self::invalid_param(text),
            RequestError::InUse => Self::bad_request("M_THREEPID_IN_USE", text),
            RequestError::NotFound => Self::bad_request("M_THREEPID_NOT_FOUND", text),
            RequestError::Mail(_) => Self::internal(error),
            RequestError::Store(error) => error.into(),
        }
    }
}
