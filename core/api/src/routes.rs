//! The route table: handlers under the paths that ruma knows for their requests.

use std::collections::BTreeMap;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use ruma::api::Metadata;
use ruma::api::path_builder::PathBuilder as _;

use crate::Api;

/// Collects handlers by path, so that requests which share a path under different parameter names meet.
#[derive(Default)]
pub struct Routes {
    paths: BTreeMap<String, MethodRouter<Api>>,
}

impl Routes {
    /// Serves `R` under all its paths: stable ones of each age, and those from before it was stable.
    pub fn on<R: Metadata, T: 'static>(self, handler: impl Handler<T, Api>) -> Self {
        R::PATH_BUILDER.all_paths().fold(self, |routes, path| routes.at::<R, T>(path, handler.clone()))
    }

    /// Serves `R` under one more path, with parameters in the order of its own.
    pub fn at<R: Metadata, T: 'static>(self, path: &str, handler: impl Handler<T, Api>) -> Self {
        let method = MethodFilter::try_from(R::METHOD).expect("every endpoint has a method that axum can route");
        self.route(path, on(method, handler))
    }

    /// Serves what ruma has no type for.
    pub fn route(mut self, path: &str, handlers: MethodRouter<Api>) -> Self {
        let path = numbered(path);
        let known = self.paths.remove(&path).unwrap_or_default();
        self.paths.insert(path, known.merge(handlers));
        self
    }

    pub fn into_router(self) -> Router<Api> {
        self.paths.into_iter().fold(Router::new(), |router, (path, handlers)| router.route(&path, handlers))
    }
}

/// `/rooms/{room_id}/join` as `/rooms/{0}/join`: parameters have an order, their names are ruma's affair.
fn numbered(path: &str) -> String {
    let mut count = 0;
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            count += 1;
            format!("{{{}}}", count - 1)
        } else {
            segment.to_owned()
        }
    });
    segments.collect::<Vec<_>>().join("/")
}
