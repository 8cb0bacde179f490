//! Accounts.

mod whoami;

use ruma::api::client::account;

use crate::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.on::<account::whoami::v3::Request, _>(whoami::whoami)
}
