//! E-mail addresses and telephone numbers of accounts (client-server API, "Adding Account Administrative Contact
//! Information").

mod add;
mod bind;
mod delete;
mod list;
mod request_token;
mod submit_token;
mod unbind;

use axum::routing::{get, post};
use causeway_hub::threepids::{AddError, Purpose};
use ruma::api::client::account;

use crate::{Api, ApiError, Routes};

pub(super) fn routes(routes: Routes) -> Routes {
    let routes = routes
        .on::<account::get_3pids::v3::Request, _>(list::list)
        .on::<account::add_3pid::v3::Request, _>(add::add)
        .route("/_matrix/client/v3/account/3pid", post(add::add_credentials))
        .route("/_matrix/client/r0/account/3pid", post(add::add_credentials))
        .on::<account::bind_3pid::v3::Request, _>(bind::bind)
        .on::<account::unbind_3pid::v3::Request, _>(unbind::unbind)
        .on::<account::delete_3pid::v3::Request, _>(delete::delete)
        .on::<account::request_registration_token_via_email::v3::Request, _>(request_token::to_register)
        .on::<account::request_password_change_token_via_email::v3::Request, _>(request_token::to_reset_password)
        .on::<account::request_3pid_management_token_via_email::v3::Request, _>(request_token::to_add)
        .on::<account::request_registration_token_via_msisdn::v3::Request, _>(request_token::by_telephone)
        .on::<account::request_password_change_token_via_msisdn::v3::Request, _>(request_token::by_telephone)
        .on::<account::request_3pid_management_token_via_msisdn::v3::Request, _>(request_token::by_telephone);
    Purpose::ALL.into_iter().fold(routes, |routes, purpose| {
        let path = format!("/_matrix/client/unstable/{}/email/submit_token", purpose.path());
        let show = async move |state, query| submit_token::show(purpose, state, query).await;
        let submit = async move |state, form| submit_token::submit(purpose, state, form).await;
        routes.route(&path, get(show).post(submit))
    })
}

/// 403 where `enable_3pid_changes` is off.
fn may_change(api: &Api) -> Result<(), ApiError> {
    match api.config.threepid_changes {
        true => Ok(()),
        false => Err(ApiError::forbidden("3PID changes are disabled on this server")),
    }
}

impl From<AddError> for ApiError {
    fn from(error: AddError) -> Self {
        let text = error.to_string();
        match error {
            AddError::InUse => Self::bad_request("M_THREEPID_IN_USE", text),
            AddError::Used => Self::bad_request("M_THREEPID_AUTH_FAILED", text),
            AddError::Store(error) => error.into(),
        }
    }
}
