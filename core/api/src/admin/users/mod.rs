//! Accounts, as Synapse's admin API shows them.

mod admin;
mod register;

use axum::routing::get;
pub use register::Nonces;

use crate::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .route("/_synapse/admin/v1/register", get(register::nonce).post(register::register))
        .route("/_synapse/admin/v1/users/{user_id}/admin", get(admin::get).put(admin::put))
}
