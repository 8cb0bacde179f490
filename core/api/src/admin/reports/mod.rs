//! What users reported: events and users in the shape of Synapse's admin API, rooms alike.

mod list;

use axum::routing::get;

use crate::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .route("/_synapse/admin/v1/event_reports", get(list::events))
        .route("/_synapse/admin/v1/user_reports", get(list::users))
        .route("/_causeway/admin/v1/room_reports", get(list::rooms))
}
