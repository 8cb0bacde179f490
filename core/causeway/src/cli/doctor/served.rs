//! Whether the running hub shows the certificate that is in its file: a renewed one is taken at SIGHUP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Findings;
use crate::config::{self, Address, Config};

const PATIENCE: Duration = Duration::from_secs(5);

/// Takes one certificate and no other, whoever signed it.
#[derive(Debug)]
struct Only(CertificateDer<'static>, Arc<CryptoProvider>);

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match *shown == self.0 {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.1.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.1.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.1.signature_verification_algorithms.supported_schemes()
    }
}

/// Of each listener with TLS; where nobody listens, the hub does not run, which is said elsewhere.
pub async fn look(config: &Config, (path, key): (&Path, &Path), findings: &mut Findings) {
    let Ok(pair) = config::certificate::read(path, key) else { return };
    let (Some(certificate), Some(provider)) = (pair.cert.first(), CryptoProvider::get_default()) else { return };
    let listeners = config.listeners.iter().filter(|listener| listener.tls).flat_map(|listener| &listener.addresses);
    for address in listeners {
        let Address::Tcp(address) = address else { continue };
        let only = Only(certificate.clone(), Arc::clone(provider));
        let client =
            ClientConfig::builder().dangerous().with_custom_certificate_verifier(Arc::new(only)).with_no_client_auth();
        match tokio::time::timeout(PATIENCE, greet(reachable(*address), client)).await {
            Ok(Ok(())) => findings.ok("certificate", format!("{address} shows it")),
            Ok(Err(Error::InvalidCertificate(_))) => {
                let text = format!("{address} still shows another than {}; send SIGHUP to the hub", path.display());
                findings.wrong("certificate", text);
            }
            Ok(Err(error)) => findings.note("certificate", format!("{address} can't be asked: {error}")),
            Err(_) => findings.note("certificate", format!("{address} does not answer")),
        }
    }
}

/// Every address is this machine's too.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn greet(address: SocketAddr, client: ClientConfig) -> Result<(), Error> {
    let failed = |error: std::io::Error| match error.get_ref().and_then(|source| source.downcast_ref::<Error>()) {
        Some(error) => error.clone(),
        None => Error::General(error.to_string()),
    };
    let stream = TcpStream::connect(address).await.map_err(failed)?;
    let name = ServerName::IpAddress(address.ip().into());
    TlsConnector::from(Arc::new(client)).connect(name, stream).await.map(drop).map_err(failed)
}
