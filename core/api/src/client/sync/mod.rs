//! What has happened since.

mod get;
mod sliding;

use ruma::api::client::sync::sync_events;

use crate::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.on::<sync_events::v3::Request, _>(get::sync).route(sliding::PATH, axum::routing::post(sliding::sync))
}
