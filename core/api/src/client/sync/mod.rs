//! What has happened since.

mod events;
mod get;
mod initial_sync;
mod one_event;
mod sliding;

use axum::routing::{get, post};
use ruma::api::client::sync::sync_events;

use crate::Routes;

pub(super) use initial_sync::{Parameters, beside};

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = routes.on::<sync_events::v3::Request, _>(get::sync).route(sliding::PATH, post(sliding::sync));
    ["/_matrix/client/v3", "/_matrix/client/r0"].into_iter().fold(routes, |routes, prefix| {
        routes
            .route(&format!("{prefix}/events"), get(events::events))
            .route(&format!("{prefix}/events/{{event_id}}"), get(one_event::one_event))
            .route(&format!("{prefix}/initialSync"), get(initial_sync::initial_sync))
    })
}
