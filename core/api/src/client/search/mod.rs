//! Searching.

mod room_events;

use ruma::api::client::search::search_events;

use crate::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.on::<search_events::v3::Request, _>(room_events::search)
}
