//! The certificate of the listeners with TLS. A new one is taken by the next handshake, without a restart.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::config::certificate::read;

/// Cheap to clone; all clones show the same certificate.
#[derive(Clone, Debug)]
pub struct Certificate(Arc<RwLock<Arc<CertifiedKey>>>);

impl Certificate {
    pub fn load(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(RwLock::new(read(certificate, key)?))))
    }

    /// Reads the files again; when that fails the one before stays.
    pub fn reload(&self, (certificate, key): &(PathBuf, PathBuf)) -> anyhow::Result<()> {
        let fresh = read(certificate, key)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        let config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(Arc::new(self.clone()));
        TlsAcceptor::from(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}
