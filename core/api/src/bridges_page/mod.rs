//! `/_causeway/bridges/`: the page on which a Matrix user logs in to networks, and what its script asks for.
//!
//! The page is three files of ours and nothing else. Its session is an access token of the user's in a cookie that the
//! script can't read and that no other site's request carries; what changes something also needs the session's CSRF token.

mod answer;
mod files;
mod list;
mod log_in;
mod log_out;
mod qr;
mod session;
mod start;
mod step;
mod unlink;
mod whoami;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post};

use crate::{Api, Routes};

pub(crate) const PATH: &str = "/_causeway/bridges";

pub(crate) fn routes(routes: Routes) -> Routes {
    let add = |routes: Routes, path: &str, handlers: MethodRouter<Api>| {
        routes.route(&format!("{PATH}{path}"), handlers.layer(from_fn(guard)))
    };
    let routes = add(routes, "", get(files::redirect));
    let routes = add(routes, "/", get(files::page));
    let routes = add(routes, "/page.css", get(files::style));
    let routes = add(routes, "/page.js", get(files::script));
    let routes = add(routes, "/session", get(whoami::whoami).post(log_in::log_in).delete(log_out::log_out));
    let routes = add(routes, "/networks", get(list::list));
    let routes = add(routes, "/networks/{id}/logins", post(start::start));
    let routes = add(routes, "/networks/{id}/logins/{login}", delete(unlink::unlink));
    add(routes, "/networks/{id}/processes/{process}", get(step::step).post(answer::answer))
}

const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
        ),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().extend(HEADERS);
    response
}
