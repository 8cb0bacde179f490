//! Accounts.

mod available;
mod change_password;
mod deactivate;
mod openid;
mod register;
mod threepids;
mod token_validity;
mod whoami;

pub(crate) use deactivate::leave_and_deactivate;
pub(crate) use register::{answer, login_unsupported};
use ruma::api::client::account;
use ruma::{OwnedUserId, ServerName, UserId};

use crate::{Api, ApiError, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    threepids::routes(routes)
        .on::<account::register::v3::Request, _>(register::register)
        .on::<account::get_username_availability::v3::Request, _>(available::available)
        .on::<account::check_registration_token_validity::v1::Request, _>(token_validity::validity)
        .on::<account::whoami::v3::Request, _>(whoami::whoami)
        .on::<account::change_password::v3::Request, _>(change_password::change_password)
        .on::<account::deactivate::v3::Request, _>(deactivate::deactivate)
        .on::<account::request_openid_token::v3::Request, _>(openid::request_token)
}

/// A user id that somebody may register here (appendices, "User Identifiers").
pub(crate) fn user_id_of(localpart: &str, server_name: &ServerName) -> Result<OwnedUserId, ApiError> {
    let invalid = || ApiError::bad_request("M_INVALID_USERNAME", "a user name is a-z, 0-9 and any of . _ = - / +");
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._=-/+".contains(&byte);
    if localpart.is_empty() || !localpart.bytes().all(allowed) {
        return Err(invalid());
    }
    let user_id = format!("@{localpart}:{server_name}");
    if user_id.len() > 255 {
        return Err(invalid());
    }
    UserId::parse(user_id).map_err(|_| invalid())
}

/// 400 `M_WEAK_PASSWORD` for a password that the policy refuses.
fn check_password(api: &Api, password: &str) -> Result<(), ApiError> {
    match api.config.password_policy.lacking(password) {
        Some(lacking) => Err(ApiError::bad_request("M_WEAK_PASSWORD", lacking)),
        None => Ok(()),
    }
}
