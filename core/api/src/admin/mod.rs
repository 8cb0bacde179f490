//! The admin APIs: Synapse's `/_synapse/admin` and our own `/_causeway/admin/v1`.

mod audit;
mod authorize;
pub(crate) mod bridges;
mod queues;
mod registration_tokens;
mod registrations;
mod reports;
mod rooms;
mod users;

pub use authorize::LocalAdmin;
pub use users::Nonces;

use crate::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = routes.route("/_causeway/admin/v1/audit", axum::routing::get(audit::audit));
    let routes = registrations::routes(routes);
    let routes = bridges::routes(routes);
    let routes = queues::routes(routes);
    let routes = registration_tokens::routes(routes);
    let routes = reports::routes(routes);
    let routes = rooms::routes(routes);
    users::routes(routes)
}
