//! Listeners: HTTP, TLS, metrics, and the admin socket. At the end no new requests are taken and those in hand get ten
//! seconds.

use std::fs;
use std::io::BufReader;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::extract::connect_info::ConnectInfo;
use axum::{Extension, Router};
use causeway_api::{BehindProxy, LocalAdmin};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use metrics_exporter_prometheus::PrometheusHandle;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::compose::Hub;
use super::metrics;
use crate::config::{Config, Listener, Resource};

/// Serves until the hub is to end.
pub async fn serve(
    config: &Config,
    hub: &Hub,
    metrics: Option<PrometheusHandle>,
    ending: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for listener in &config.listeners {
        let tls = listener.tls.as_ref().map(|(certificate, key)| acceptor(certificate, key)).transpose()?;
        for address in &listener.addresses {
            let socket = TcpListener::bind(address).await.with_context(|| {
                format!(
                    "listening on {address}: is another hub running, or the port taken? see `listeners` in the config"
                )
            })?;
            tracing::info!(%address, tls = tls.is_some(), "listening");
            let routes = routes(listener, hub, metrics.as_ref());
            tasks.spawn(accept_tcp(socket, tls.clone(), routes, ending.clone(), config.own.shutdown));
        }
    }
    let socket = bind_admin_socket(&config.own.admin_socket)?;
    tracing::info!(path = %config.own.admin_socket.display(), "admin socket");
    tasks.spawn(accept_unix(socket, hub.service.clone().layer(Extension(LocalAdmin)), ending, config.own.shutdown));
    while let Some(ended) = tasks.join_next().await {
        ended.context("a listener ended")?;
    }
    // Ours: we bound it.
    fs::remove_file(&config.own.admin_socket).context("removing the admin socket")
}

fn routes(listener: &Listener, hub: &Hub, metrics: Option<&PrometheusHandle>) -> Router {
    let has = |resource| listener.resources.contains(&resource);
    let metrics = metrics.filter(|_| has(Resource::Metrics)).map(|handle| metrics::routes(handle.clone()));
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
    limit: std::time::Duration,
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
        let routes = routes.clone().layer(Extension(ConnectInfo(peer)));
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

async fn accept_unix(
    socket: UnixListener,
    routes: Router,
    mut ending: watch::Receiver<bool>,
    limit: std::time::Duration,
) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = ending.wait_for(|end| *end) => break,
        };
        match accepted {
            Ok((stream, _)) if is_owner(&stream) => {
                let connection = graceful.watch(connection(stream, routes.clone()));
                tokio::spawn(async move { ended(connection.await) });
            }
            Ok(_) => tracing::warn!("another user tried the admin socket"),
            Err(error) => tracing::warn!(%error, "a connection to the admin socket could not be accepted"),
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

fn connection<S>(
    stream: S,
    routes: Router,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>> + Send
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = TowerToHyperService::new(routes);
    Builder::new(TokioExecutor::new()).serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned()
}

/// Peers go away in the middle all the time.
fn ended(outcome: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = outcome {
        tracing::debug!(error, "a connection ended early");
    }
}

async fn finish(graceful: GracefulShutdown, limit: std::time::Duration) {
    if tokio::time::timeout(limit, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running after {limit:?}");
    }
}

/// 0600, in a folder of ours; a socket that nobody listens on is left over from a crash.
fn bind_admin_socket(path: &Path) -> anyhow::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    if path.exists() {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            bail!("{}: another hub is running with this data directory; stop it first", path.display());
        }
        fs::remove_file(path).with_context(|| format!("removing the stale {}", path.display()))?;
    }
    let socket = UnixListener::bind(path).with_context(|| format!("listening on {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .with_context(|| format!("closing {}", path.display()))?;
    Ok(socket)
}

fn acceptor(certificate: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let open =
        |path: &Path| fs::File::open(path).map(BufReader::new).with_context(|| format!("opening {}", path.display()));
    let chain: Vec<CertificateDer<'static>> = rustls_pemfile::certs(&mut open(certificate)?)
        .collect::<Result<_, _>>()
        .with_context(|| format!("reading {}", certificate.display()))?;
    let key: PrivateKeyDer<'static> = rustls_pemfile::private_key(&mut open(key)?)
        .with_context(|| format!("reading {}", key.display()))?
        .with_context(|| format!("{} holds no private key", key.display()))?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| format!("{} and its key don't fit", certificate.display()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
