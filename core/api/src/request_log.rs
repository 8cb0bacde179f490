//! One line for each request when it ends, at a level that follows its status; and the mend of faults: the cause goes
//! to the log, the client gets the request's id.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::Json;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tracing::Instrument;

use crate::error::Fault;

/// Who made the request, filled in by authentication.
#[derive(Clone, Default)]
pub(crate) struct RequesterName(pub Arc<OnceLock<String>>);

pub(crate) async fn log(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = format!("{:016x}", rand::random::<u64>());
    let method = request.method().clone();
    // The path alone: a query may carry a token.
    let path = request.uri().path().to_owned();
    let requester = RequesterName::default();
    request.extensions_mut().insert(requester.clone());

    let span = tracing::info_span!("http.request", request_id = %id);
    let mut response = next.run(request).instrument(span.clone()).await;

    let _entered = span.enter();
    if let Some(Fault(cause)) = response.extensions_mut().remove::<Fault>() {
        let chain = std::iter::successors(Some(&*cause as &dyn std::error::Error), |error| error.source());
        let chain = chain.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        tracing::error!(error = chain, "request failed");
        let body = json!({ "errcode": "M_UNKNOWN", "error": format!("internal error, request id {id}") });
        response = (response.status(), Json(body)).into_response();
    }
    let status = response.status();
    let requester = requester.0.get().map_or("-", String::as_str);
    let elapsed_ms = started.elapsed().as_secs_f64() * 1000.0;
    metrics::histogram!("causeway_http_response_seconds", "method" => method.to_string())
        .record(started.elapsed().as_secs_f64());
    match status.as_u16() {
        500.. => tracing::error!(%method, path, requester, status = status.as_u16(), elapsed_ms, "request"),
        400..500 => tracing::warn!(%method, path, requester, status = status.as_u16(), elapsed_ms, "request"),
        _ => tracing::info!(%method, path, requester, status = status.as_u16(), elapsed_ms, "request"),
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}
