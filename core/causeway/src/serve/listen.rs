//! Listeners: HTTP, TLS, metrics, and the admin socket. At the end no new requests are taken and those in hand get ten
//! seconds.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::body::Body;
use axum::extract::Request;
use axum::extract::connect_info::ConnectInfo;
use axum::response::Response;
use axum::{Extension, Router};
use causeway_api::{BehindProxy, LocalAdmin};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::{Service, ServiceExt};

use super::compose::Hub;
use super::metrics;
use super::tls::Certificate;
use crate::config::{Address, Config, Listener, Resource};

/// Serves until the hub is to end.
pub async fn serve(
    config: &Config,
    hub: &Hub,
    certificate: Option<Certificate>,
    metrics: Option<PrometheusHandle>,
    ending: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for listener in &config.listeners {
        let tls = certificate.as_ref().filter(|_| listener.tls).map(Certificate::acceptor);
        for address in &listener.addresses {
            let (routes, ending) = (routes(listener, hub, metrics.as_ref()), ending.clone());
            match address {
                Address::Tcp(address) => {
                    let Some(socket) = bind(*address, listener).await? else { continue };
                    tasks.spawn(accept_tcp(socket, tls.clone(), routes, ending, config.own.shutdown));
                }
                Address::Unix(path, mode) => {
                    let socket = bind_socket(path, *mode)?;
                    tasks.spawn(accept_unix(socket, Peers::All, routes, ending, config.own.shutdown));
                }
            }
            tracing::info!(%address, tls = listener.tls, "listening");
        }
    }
    let socket = bind_socket(&config.own.admin_socket, 0o600)?;
    tracing::info!(path = %config.own.admin_socket.display(), "admin socket");
    let routes = hub.service.clone().layer(Extension(LocalAdmin));
    tasks.spawn(accept_unix(socket, Peers::Owner, routes, ending, config.own.shutdown));
    while let Some(ended) = tasks.join_next().await {
        ended.context("a listener ended")?;
    }
    // Ours: we bound them.
    let unix = config.listeners.iter().flat_map(|listener| &listener.addresses).filter_map(|address| match address {
        Address::Unix(path, _) => Some(path),
        Address::Tcp(_) => None,
    });
    for path in unix.chain([&config.own.admin_socket]) {
        fs::remove_file(path).with_context(|| format!("removing the socket {}", path.display()))?;
    }
    Ok(())
}

/// None where another address of the listener takes these connections too: `::` has those for `0.0.0.0`.
async fn bind(address: SocketAddr, listener: &Listener) -> anyhow::Result<Option<TcpListener>> {
    match TcpListener::bind(address).await {
        Ok(socket) => Ok(Some(socket)),
        Err(error) => {
            let both = SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, address.port()));
            let is_taken_along = address.ip().is_unspecified() && address.is_ipv4();
            if is_taken_along && listener.addresses.contains(&Address::Tcp(both)) {
                return Ok(None);
            }
            Err(error).with_context(|| {
                format!(
                    "listening on {address}: is another hub running, or the port taken? see `listeners` in the config"
                )
            })
        }
    }
}

fn routes(listener: &Listener, hub: &Hub, metrics: Option<&PrometheusHandle>) -> Router {
    let has = |resource| listener.resources.contains(&resource);
    let metrics =
        metrics.filter(|_| has(Resource::Metrics)).map(|handle| metrics::routes(handle.clone(), hub.router.clone()));
    let serves_clients = has(Resource::Client) || has(Resource::Media) || has(Resource::Federation);
    let routes = match (serves_clients, metrics) {
        (true, None) => hub.service.clone(),
        (true, Some(metrics)) => metrics.merge(hub.service.clone()),
        (false, metrics) => metrics.unwrap_or_default(),
    };
    if listener.is_behind_proxy { routes.layer(Extension(BehindProxy)) } else { routes }
}

async fn accept_tcp(
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    routes: Router,
    mut ending: watch::Receiver<bool>,
    limit: Duration,
) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = ending.wait_for(|end| *end) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or a peer that has gone: the next one may fare better.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::task::yield_now().await;
                continue;
            }
        };
        // Answers are small and waited for.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        // Not a layer: that would wrap every route anew for each connection.
        let routes = routes.clone().map_request(move |mut request: Request| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        });
        let watcher = graceful.watcher();
        match tls.clone() {
            None => {
                tokio::spawn(async move { ended(watcher.watch(connection(stream, routes)).await) });
            }
            Some(tls) => {
                tokio::spawn(async move {
                    match tls.accept(stream).await {
                        Ok(stream) => ended(watcher.watch(connection(stream, routes)).await),
                        Err(error) => tracing::debug!(%error, %peer, "TLS handshake failed"),
                    }
                });
            }
        }
    }
    drop(socket);
    finish(graceful, limit).await;
}

/// Who may connect to a unix socket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peers {
    /// whom the file's mode lets
    All,
    Owner,
}

async fn accept_unix(
    socket: UnixListener,
    peers: Peers,
    routes: Router,
    mut ending: watch::Receiver<bool>,
    limit: Duration,
) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = ending.wait_for(|end| *end) => break,
        };
        match accepted {
            Ok((stream, _)) if peers == Peers::All || is_owner(&stream) => {
                let connection = graceful.watch(connection(stream, routes.clone()));
                tokio::spawn(async move { ended(connection.await) });
            }
            Ok(_) => tracing::warn!("another user tried the admin socket"),
            Err(error) => tracing::warn!(%error, "a connection to a unix socket could not be accepted"),
        }
    }
    drop(socket);
    finish(graceful, limit).await;
}

/// Ours, or root's.
fn is_owner(stream: &tokio::net::UnixStream) -> bool {
    let own = fs::metadata("/proc/self").map(|meta| std::os::unix::fs::MetadataExt::uid(&meta));
    match (stream.peer_cred(), own) {
        (Ok(peer), Ok(own)) => peer.uid() == own || peer.uid() == 0,
        _ => false,
    }
}

fn connection<S, R>(
    stream: S,
    routes: R,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>> + Send
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    R: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    R::Future: Send,
{
    let service =
        TowerToHyperService::new(routes.map_request(|request: hyper::Request<Incoming>| request.map(Body::new)));
    Builder::new(TokioExecutor::new()).serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned()
}

/// Peers go away in the middle all the time.
fn ended(outcome: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = outcome {
        tracing::debug!(error, "a connection ended early");
    }
}

async fn finish(graceful: GracefulShutdown, limit: Duration) {
    if tokio::time::timeout(limit, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running after {limit:?}");
    }
}

/// A socket that nobody listens on is left over from a crash.
fn bind_socket(path: &Path, mode: u32) -> anyhow::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    if path.exists() {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            bail!("{}: another hub is running that listens there; stop it first", path.display());
        }
        fs::remove_file(path).with_context(|| format!("removing the stale {}", path.display()))?;
    }
    let socket = UnixListener::bind(path).with_context(|| format!("listening on {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("setting the mode of {}", path.display()))?;
    Ok(socket)
}
