//! Logging in and out.

mod flows;
mod get_token;
mod login;
mod logout;
mod logout_all;
mod refresh;

use ruma::api::client::session;

use crate::Routes;

pub(crate) use login::with_password;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .on::<session::get_login_types::v3::Request, _>(flows::flows)
        .on::<session::login::v3::Request, _>(login::login)
        .on::<session::get_login_token::v1::Request, _>(get_token::get_token)
        .on::<session::logout::v3::Request, _>(logout::logout)
        .on::<session::logout_all::v3::Request, _>(logout_all::logout_all)
        .on::<session::refresh_token::v3::Request, _>(refresh::refresh)
}
