//! The admin APIs: Synapse's `/_synapse/admin` and our own `/_causeway/admin/v1`.

mod authorize;
mod queues;
mod registrations;

pub use authorize::LocalAdmin;

use crate::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = registrations::routes(routes);
    queues::routes(routes)
}
