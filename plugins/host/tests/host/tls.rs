//! TLS from the first byte and in mid-connection, trusted through the bridge's `ca_file` alone.

use std::sync::Arc;

use causeway_engine::host::Grant;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::setup::{Bed, Bridge, alice, eventually, message};

/// Accepts as `localhost`; the PEM is what a client has to trust.
fn acceptor() -> (TlsAcceptor, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem())
}

async fn bridge(bed: &Bed, id: &str, ca: Option<&str>) -> Bridge {
    let grant = Grant {
        tcp: vec!["tls://localhost:*".into(), "tcp://localhost:*".into()],
        private_networks: true,
        memory_mib: 16,
        kv_mib: 1,
        connections: 2,
        ..Grant::default()
    };
    let config = match ca {
        Some(pem) => {
            let file = bed.folder.path().join("ca.pem");
            std::fs::write(&file, pem).unwrap();
            serde_json::json!({ "ca_file": file }).to_string()
        }
        None => "{}".into(),
    };
    bed.enable_with(id, grant, &config).await
}

async fn dial(bridge: &Bridge, how: &str, far: &TcpListener) {
    let text = format!("{how} localhost:{}", far.local_addr().unwrap().port());
    bridge.connector.handle_matrix(&alice(), vec![message("$dial", &text)]).await.unwrap();
}

async fn line(from: &mut (impl AsyncRead + Unpin)) -> String {
    let mut line = String::new();
    BufReader::with_capacity(1, from).read_line(&mut line).await.unwrap();
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_under_tls_is_trusted_through_the_ca_file() {
    let (acceptor, pem) = acceptor();
    let bed = Bed::new().await;
    let bridge = bridge(&bed, "tls", Some(&pem)).await;
    let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
    dial(&bridge, "dial-tls", &far).await;
    let mut stream = acceptor.accept(far.accept().await.unwrap().0).await.unwrap();
    assert_eq!(line(&mut stream).await, "hello\r\n");
    stream.write_all(b"sealed\r\n").await.unwrap();
    eventually("the line", || bridge.memory.row(&bridge.store, "line/sealed")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_that_nobody_vouches_for_closes_the_connection() {
    let (acceptor, _) = acceptor();
    let bed = Bed::new().await;
    let bridge = bridge(&bed, "untrusted", None).await;
    let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
    dial(&bridge, "dial-tls", &far).await;
    assert!(acceptor.accept(far.accept().await.unwrap().0).await.is_err());
    let closed = eventually("the end", || bridge.memory.row(&bridge.store, "closed")).await;
    let closed = String::from_utf8(closed).unwrap();
    assert!(closed.starts_with("0 TLS: "), "{closed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_in_the_clear_is_upgraded_behind_what_was_sent_before() {
    let (acceptor, pem) = acceptor();
    let bed = Bed::new().await;
    let bridge = bridge(&bed, "starttls", Some(&pem)).await;
    let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
    dial(&bridge, "dial", &far).await;
    let (mut clear, _) = far.accept().await.unwrap();
    assert_eq!(line(&mut clear).await, "hello\r\n");
    clear.write_all(b"starttls\r\n").await.unwrap();
    assert_eq!(line(&mut clear).await, "go\r\n");
    let mut sealed = acceptor.accept(clear).await.unwrap();
    assert_eq!(line(&mut sealed).await, "hello\r\n", "opened comes again");
}
