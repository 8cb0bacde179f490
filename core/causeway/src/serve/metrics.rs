//! Prometheus: what the crates count, on the metrics listeners.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

pub fn install() -> anyhow::Result<PrometheusHandle> {
    Ok(PrometheusBuilder::new().install_recorder()?)
}

/// Under the path that Synapse's admins scrape.
pub fn routes(handle: PrometheusHandle, queues: causeway_router::Router) -> Router {
    let render = move || async move {
        queues.observe().await;
        ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render())
    };
    Router::new().route("/_synapse/metrics", get(render.clone())).route("/metrics", get(render))
}
