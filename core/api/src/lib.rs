//! The client-server API at its edge: routes, authentication, errors. No SQL and no room logic: a handler extracts,
//! checks, calls the hub and answers.
//!
//! One file per endpoint, named by its verb, in folders by noun: `client/account/whoami.rs`. To add one: write the
//! file, name it in its folder's `routes`. Paths come from ruma's metadata, old prefixes (`r0`, `v1`) included.

mod admin;
mod authenticate;
mod bridges_page;
mod client;
mod cors;
mod endpoint;
mod error;
mod guests;
mod limits;
mod pages;
mod request_log;
mod routes;
mod state;

pub use admin::{LocalAdmin, Nonces};
pub use authenticate::{AppserviceRequester, Requester};
pub use endpoint::{Answer, Ruma, Unparsed};
pub use error::ApiError;
pub use limits::{BehindProxy, Limited, Rate, RateLimits, Rates};
pub use routes::Routes;
pub use state::{Api, Config, Parts, Terms, Turn, TurnAccess};

/// Everything this crate serves, joined with routes of others (federation's), behind the layers all requests pass:
/// request log, CORS, and `M_UNRECOGNIZED` for what nobody serves.
pub fn service(api: Api, others: axum::Router) -> axum::Router {
    let routes = client::routes(Routes::default());
    let routes = bridges_page::routes(admin::routes(routes));
    routes
        .into_router()
        .with_state(api)
        .merge(others)
        .fallback(async || ApiError::unknown_route())
        .method_not_allowed_fallback(async || ApiError::wrong_method())
        .layer(axum::middleware::from_fn(cors::allow_all))
        .layer(axum::middleware::from_fn(request_log::log))
}
