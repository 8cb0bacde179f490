//! The certificate and key that the configuration names.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// # Errors
/// Names the file that is missing, unreadable, or does not fit the other.
pub fn read(certificate: &Path, key: &Path) -> anyhow::Result<Arc<CertifiedKey>> {
    let open =
        |path: &Path| File::open(path).map(BufReader::new).with_context(|| format!("opening {}", path.display()));
    let chain: Vec<CertificateDer<'static>> = rustls_pemfile::certs(&mut open(certificate)?)
        .collect::<Result<_, _>>()
        .with_context(|| format!("reading {}", certificate.display()))?;
    anyhow::ensure!(!chain.is_empty(), "{} holds no certificate", certificate.display());
    let private: PrivateKeyDer<'static> = rustls_pemfile::private_key(&mut open(key)?)
        .with_context(|| format!("reading {}", key.display()))?
        .with_context(|| format!("{} holds no private key", key.display()))?;
    let provider = CryptoProvider::get_default().context("the TLS provider is installed at the start")?;
    let pair = CertifiedKey::from_der(chain, private, provider)
        .with_context(|| format!("{} and {} don't fit", certificate.display(), key.display()))?;
    Ok(Arc::new(pair))
}
