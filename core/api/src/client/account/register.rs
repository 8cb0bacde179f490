use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use causeway_hub::accounts::{LoggedIn, NewAccount, NewDevice, RegisterError};
use causeway_hub::threepids::Purpose;
use causeway_hub::uia::Stage;
use ruma::api::client::account::register::LoginType;
use ruma::api::client::account::register::RegistrationKind;
use ruma::api::client::account::register::v3::Request;
use ruma::{OwnedUserId, UserId};
use serde_json::{Value, json};

use super::{check_password, user_id_of};
use crate::authenticate::AppserviceRequester;
use crate::client::interactive;
use crate::limits::Address;
use crate::{Api, ApiError, Limited, Ruma};

/// `POST /_matrix/client/v3/register` (client-server API, "Account registration"; application service API, "Server
/// admin style permissions")
pub async fn register(
    State(api): State<Api>,
    address: Address,
    Ruma { request, requester, body }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    if request.kind == RegistrationKind::Guest {
        return guest(&api, address, request).await;
    }
    let account = match (&request.login_type, requester) {
        (Some(LoginType::ApplicationService), Some(appservice)) => of_appservice(&api, &appservice, &request)?,
        (Some(LoginType::ApplicationService), None) => return Err(ApiError::unknown_token(false)),
        (_, Some(_)) => {
            return Err(ApiError::bad_request("M_MISSING_PARAM", "type must be m.login.application_service"));
        }
        (_, None) => of_user(&api, address, &request, &body).await?,
    };
    let device = NewDevice {
        device_id: request.device_id,
        display_name: request.initial_device_display_name,
        refresh: request.refresh_token,
    };
    let device = (!request.inhibit_login).then_some(device);
    let user_id = account.user_id.clone();
    let logged_in = api.accounts.register(NewAccount { device, ..account }).await?;
    Ok(Json(answer(&user_id, logged_in)))
}

/// An account that nobody can log in to again; its name is the server's choice.
async fn guest(api: &Api, address: Address, request: Request) -> Result<Json<Value>, ApiError> {
    if !api.config.allow_guest_access {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "M_GUEST_ACCESS_FORBIDDEN", "there are no guests here"));
    }
    api.limits.check_key(Limited::Registration, &address.0)?;
    let user_id = user_id_of(&format!("guest_{}", hex::encode(rand::random::<[u8; 8]>())), &api.config.server_name)?;
    let device = NewDevice {
        device_id: None,
        display_name: request.initial_device_display_name,
        refresh: request.refresh_token,
    };
    let account = NewAccount { guest: true, device: Some(device), ..NewAccount::new(user_id.clone()) };
    Ok(Json(answer(&user_id, api.accounts.register(account).await?)))
}

/// An appservice makes users of its namespace, without a password.
fn of_appservice(api: &Api, requester: &AppserviceRequester, request: &Request) -> Result<NewAccount, ApiError> {
    let registration = &requester.0.registration;
    if registration.device_management && !request.inhibit_login {
        return Err(login_unsupported());
    }
    let Some(localpart) = request.username.as_deref().filter(|name| !name.is_empty()) else {
        return Err(ApiError::bad_request("M_MISSING_PARAM", "username is missing"));
    };
    let server_name = &api.config.server_name;
    // More than people may choose: ghosts follow their network's names.
    let user_id = UserId::parse(format!("@{localpart}:{server_name}"))
        .map_err(|_| ApiError::bad_request("M_INVALID_USERNAME", "the user name is not valid"))?;
    let owner = api.registrations.exclusive_owner_of_user(user_id.as_str());
    let foreign = owner.is_some_and(|owner| owner.registration.id != registration.id);
    if foreign || !requester.0.may_act_as(user_id.as_str()) {
        return Err(exclusive(&user_id));
    }
    Ok(NewAccount { appservice: Some(registration.id.clone()), ..NewAccount::new(user_id) })
}

async fn of_user(api: &Api, address: Address, request: &Request, body: &[u8]) -> Result<NewAccount, ApiError> {
    if !api.config.enable_registration {
        return Err(ApiError::forbidden("registration is disabled"));
    }
    let random = || hex::encode(rand::random::<[u8; 6]>());
    let localpart = request.username.clone().unwrap_or_else(random);
    let user_id = user_id_of(&localpart, &api.config.server_name)?;
    if api.registrations.exclusive_owner_of_user(user_id.as_str()).is_some() {
        return Err(exclusive(&user_id));
    }
    if api.accounts.is_taken(&user_id).await? {
        return Err(RegisterError::InUse(user_id).into());
    }
    if let Some(password) = &request.password {
        check_password(api, password)?;
    }
    let judges = interactive::judges(api, Purpose::Registration);
    let shown = interactive::pass(api, &flows(api), judges, body).await?;
    api.limits.check_key(Limited::Registration, &address.0)?;
    let Some(password) = request.password.clone().filter(|password| !password.is_empty()) else {
        return Err(ApiError::bad_request("M_MISSING_PARAM", "password is missing"));
    };
    let consent = api.config.terms.as_ref().filter(|_| shown.terms).map(|terms| terms.version.clone());
    Ok(NewAccount {
        password: Some(password),
        registration_token: shown.registration_token,
        email: shown.email,
        consent,
        ..NewAccount::new(user_id)
    })
}

/// What somebody has to go through for an account: with an e-mail address where there is mail, without one unless it is
/// asked for.
fn flows(api: &Api) -> Vec<Vec<Stage>> {
    let mut first = Vec::new();
    first.extend(api.config.registration_requires_token.then_some(Stage::RegistrationToken));
    first.extend(api.config.terms.is_some().then_some(Stage::Terms));
    let mut flows = Vec::new();
    if !api.config.email_required {
        let mut flow = first.clone();
        // Else the stages before the address would be a whole flow of their own.
        if flow.is_empty() || api.threepids.sends_mail() {
            flow.push(Stage::Dummy);
        }
        flows.push(flow);
    }
    if api.threepids.sends_mail() {
        flows.push([first, vec![Stage::EmailIdentity]].concat());
    }
    flows
}

/// What register and login answer alike.
pub(crate) fn answer(user_id: &UserId, logged_in: Option<LoggedIn>) -> Value {
    let mut answer = json!({ "user_id": user_id, "home_server": user_id.server_name() });
    if let Some(logged_in) = logged_in {
        answer["device_id"] = logged_in.device_id.as_str().into();
        answer["access_token"] = logged_in.access_token.into();
        if let (Some(refresh), Some(life)) = (logged_in.refresh_token, logged_in.expires_in) {
            answer["refresh_token"] = refresh.into();
            answer["expires_in_ms"] = (life.as_millis() as u64).into();
        }
    }
    answer
}

/// 400 `M_EXCLUSIVE`
fn exclusive(user_id: &OwnedUserId) -> ApiError {
    ApiError::bad_request("M_EXCLUSIVE", format!("{user_id} is not for you to make"))
}

/// 400 `M_APPSERVICE_LOGIN_UNSUPPORTED`: the appservice manages devices itself.
pub(crate) fn login_unsupported() -> ApiError {
    ApiError::bad_request(
        "M_APPSERVICE_LOGIN_UNSUPPORTED",
        "this appservice makes devices with PUT /devices; register with inhibit_login",
    )
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        let text = error.to_string();
        match error {
            RegisterError::InUse(_) => Self::bad_request("M_USER_IN_USE", text),
            RegisterError::EmailInUse => Self::bad_request("M_THREEPID_IN_USE", text),
            RegisterError::TokenUsedUp => Self::new(StatusCode::UNAUTHORIZED, "M_FORBIDDEN", text),
            RegisterError::Account(error) => error.into(),
        }
    }
}
