//! Dehydrated devices (MSC3814).

mod delete;
mod events;
mod get;
mod put;

use axum::routing;

use crate::{ApiError, Routes};

const PATH: &str = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device";
const EVENTS: &str = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/{device_id}/events";

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .route(PATH, routing::put(put::put).get(get::get).delete(delete::delete))
        // POST with `next_batch` in the body is how it was, GET with it in the query how it is in newer clients.
        .route(EVENTS, routing::post(events::events).get(events::events))
}

fn none() -> ApiError {
    ApiError::not_found("there is no dehydrated device")
}
