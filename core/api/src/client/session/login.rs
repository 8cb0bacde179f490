use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use causeway_hub::accounts::{LoggedIn, NewDevice};
use causeway_hub::uia::Identifier;
use ruma::api::auth_scheme::AppserviceTokenOptional;
use ruma::{OwnedDeviceId, OwnedUserId, UserId};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::authenticate::AppserviceRequester;
use crate::client::account::{answer, login_unsupported};
use crate::endpoint::Unparsed;
use crate::limits::Address;
use crate::{Api, ApiError, Limited};

/// Not ruma's: that one panics when there is no `type`.
#[derive(Deserialize)]
struct Body {
    #[serde(rename = "type")]
    login_type: String,
    identifier: Option<Identifier>,
    /// the older ways to name the user
    user: Option<String>,
    medium: Option<String>,
    address: Option<String>,
    password: Option<String>,
    token: Option<String>,
    device_id: Option<OwnedDeviceId>,
    initial_device_display_name: Option<String>,
    #[serde(default)]
    refresh_token: bool,
}

/// `POST /_matrix/client/v3/login` (client-server API, "Login"; application service API, "Server admin style
/// permissions")
pub async fn login(
    State(api): State<Api>,
    address: Address,
    Unparsed { requester, body, .. }: Unparsed<AppserviceTokenOptional>,
) -> Result<Json<Value>, ApiError> {
    let body: Body = serde_json::from_slice(&body)?;
    // An appservice that is not limited logs its ghosts in as often as it likes.
    let is_free = body.login_type == "m.login.application_service"
        && requester.as_ref().is_some_and(|requester| !requester.0.registration.rate_limited);
    if !is_free {
        api.limits.check_key(Limited::LoginAddress, &address.0)?;
    }
    let user_id = match body.login_type.as_str() {
        "m.login.password" => by_password(&api, &body).await?,
        "m.login.token" => by_token(&api, &body).await?,
        "m.login.application_service" => by_appservice(&api, requester, &body).await?,
        other => return Err(ApiError::bad_request("M_UNKNOWN", format!("there is no login type {other}"))),
    };
    let device = NewDevice {
        device_id: body.device_id,
        display_name: body.initial_device_display_name,
        refresh: body.refresh_token,
    };
    let logged_in = enter(&api, &user_id, is_free, device).await?;
    Ok(Json(answer(&user_id, Some(logged_in))))
}

/// A login by password of whoever is not an appservice, with all limits and refusals: for other ways in than this endpoint.
///
/// # Errors
/// 403 `M_FORBIDDEN` (also where passwords don't log in), `M_USER_DEACTIVATED`; 401 `M_USER_LOCKED`; 429
pub(crate) async fn with_password(
    api: &Api,
    address: &Address,
    user: &str,
    password: &str,
    device: NewDevice,
) -> Result<LoggedIn, ApiError> {
    api.limits.check_key(Limited::LoginAddress, &address.0)?;
    let user_id = check_password(api, parse_user(api, user)?, password).await?;
    enter(api, &user_id, false, device).await
}

/// Of a user whose identity was checked.
async fn enter(api: &Api, user_id: &UserId, is_free: bool, device: NewDevice) -> Result<LoggedIn, ApiError> {
    if api.accounts.get(user_id).await?.is_some_and(|account| account.locked) {
        return Err(ApiError::locked());
    }
    if !is_free {
        api.limits.check_key(Limited::LoginAccount, user_id.as_str())?;
    }
    Ok(api.accounts.log_in(user_id, device).await?)
}

async fn by_password(api: &Api, body: &Body) -> Result<OwnedUserId, ApiError> {
    let Some(password) = &body.password else {
        return Err(ApiError::bad_request("M_MISSING_PARAM", "password is missing"));
    };
    let user_id = match threepid(body) {
        Some((medium, address)) => owner(api, medium, address).await?,
        None => named_user(api, body)?,
    };
    check_password(api, user_id, password).await
}

async fn check_password(api: &Api, user_id: OwnedUserId, password: &str) -> Result<OwnedUserId, ApiError> {
    if !api.config.password_login {
        return Err(ApiError::forbidden("passwords don't log in to this server"));
    }
    let wrong = || ApiError::forbidden("Invalid username or password");
    if user_id.server_name() != api.config.server_name {
        return Err(wrong());
    }
    api.limits.check_failures(Limited::FailedLogin, user_id.as_str())?;
    if api.accounts.is_password(&user_id, password).await? {
        return Ok(user_id);
    }
    api.limits.count_failure(Limited::FailedLogin, user_id.as_str());
    if api.accounts.get(&user_id).await?.is_some_and(|account| account.deactivated) {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "M_USER_DEACTIVATED", "this account is deactivated"));
    }
    Err(wrong())
}

async fn by_token(api: &Api, body: &Body) -> Result<OwnedUserId, ApiError> {
    let Some(token) = &body.token else { return Err(ApiError::bad_request("M_MISSING_PARAM", "token is missing")) };
    api.tokens.take_login_token(token).await?.ok_or_else(|| ApiError::forbidden("Invalid login token"))
}

async fn by_appservice(
    api: &Api,
    requester: Option<AppserviceRequester>,
    body: &Body,
) -> Result<OwnedUserId, ApiError> {
    let Some(AppserviceRequester(appservice)) = requester else { return Err(ApiError::unknown_token(false)) };
    let registration = &appservice.registration;
    if registration.device_management {
        return Err(login_unsupported());
    }
    let user_id = named_user(api, body)?;
    if !appservice.may_act_as(user_id.as_str()) {
        let text = format!("{user_id} is not in the namespaces of {}", registration.id);
        return Err(ApiError::new(StatusCode::FORBIDDEN, "M_EXCLUSIVE", text));
    }
    if !api.accounts.is_registered(&user_id).await? {
        return Err(ApiError::forbidden(format!("Application service has not registered this user ({user_id})")));
    }
    Ok(user_id)
}

/// Whoever logs in by an address of theirs names it by its medium.
fn threepid(body: &Body) -> Option<(&str, &str)> {
    let (medium, address) = match &body.identifier {
        Some(identifier) => (&identifier.medium, &identifier.address),
        None => (&body.medium, &body.address),
    };
    Some((medium.as_deref()?, address.as_deref()?))
}

/// Whose an address is. Nobody's gets a name that nobody has, so that it is refused as a wrong password is, and as late.
async fn owner(api: &Api, medium: &str, address: &str) -> Result<OwnedUserId, ApiError> {
    if let Some(owner) = api.threepids.owner(medium, address).await? {
        return Ok(owner);
    }
    let digest = hex::encode(Sha256::digest(address.to_lowercase()));
    UserId::parse(format!("@NOBODY-{digest}:{}", api.config.server_name)).map_err(ApiError::internal)
}

/// The user by full id or localpart.
fn named_user(api: &Api, body: &Body) -> Result<OwnedUserId, ApiError> {
    let identifier = body.identifier.as_ref().and_then(|identifier| identifier.user.as_deref());
    let Some(name) = identifier.or(body.user.as_deref()) else {
        return Err(ApiError::bad_request("M_MISSING_PARAM", "identifier.user is missing"));
    };
    parse_user(api, name)
}

fn parse_user(api: &Api, name: &str) -> Result<OwnedUserId, ApiError> {
    UserId::parse_with_server_name(name, &api.config.server_name)
        .map_err(|_| ApiError::forbidden("Invalid username or password"))
}
