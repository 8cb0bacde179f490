//! TLS for a guest's connections: the system's roots, the bridge's `ca_file`, or the roots that the guest pins.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What a guest asked for, apart from the connection.
#[derive(Clone, Debug)]
pub struct TlsPlan {
    /// of the certificate
    pub server_name: String,
    pub alpn: Vec<String>,
    /// DER; where there are any, only these count
    pub pinned_roots: Vec<Vec<u8>>,
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("ca_file {path}: {reason}")]
    CaFile { path: String, reason: String },
    #[error("a pinned root is no certificate")]
    PinnedRoot(#[source] rustls::Error),
    #[error("{0:?} can't be the name on a certificate")]
    ServerName(String),
    #[error("{0}")]
    Handshake(#[from] std::io::Error),
}

/// The roots that a bridge trusts.
#[derive(Clone)]
pub struct Roots(Arc<RootCertStore>);

impl Roots {
    /// The system's, and those of `ca_file` (PEM).
    pub fn new(ca_file: Option<&Path>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = ca_file {
            let broken = |reason: String| TlsError::CaFile { path: path.display().to_string(), reason };
            let mut found = 0;
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| broken(error.to_string()))? {
                let certificate = certificate.map_err(|error| broken(error.to_string()))?;
                roots.add(certificate).map_err(|error| broken(error.to_string()))?;
                found += 1;
            }
            if found == 0 {
                return Err(broken("holds no certificate in PEM".into()));
            }
        }
        Ok(Self(Arc::new(roots)))
    }

    /// For a bridge that connects to nothing.
    pub fn none() -> Self {
        Self(Arc::new(RootCertStore::empty()))
    }

    pub fn client(&self) -> ClientConfig {
        config(self.0.clone())
    }

    pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        plan: &TlsPlan,
        stream: S,
    ) -> Result<TlsStream<S>, TlsError> {
        let roots = if plan.pinned_roots.is_empty() {
            self.0.clone()
        } else {
            let mut pinned = RootCertStore::empty();
            for root in &plan.pinned_roots {
                pinned.add(CertificateDer::from(root.clone())).map_err(TlsError::PinnedRoot)?;
            }
            Arc::new(pinned)
        };
        let mut config = config(roots);
        config.alpn_protocols = plan.alpn.iter().map(|name| name.clone().into_bytes()).collect();
        let name = ServerName::try_from(plan.server_name.clone())
            .map_err(|_| TlsError::ServerName(plan.server_name.clone()))?;
        Ok(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
    }
}

fn config(roots: Arc<RootCertStore>) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
