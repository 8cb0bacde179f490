//! Configuration on the running hub: what SIGHUP applies, sockets, accounts from the command line.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Hub, HubOptions, free_port, until};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::registrations::doctor;

async fn hang_up(hub: &Hub) -> Result<()> {
    let pid = hub.pid().context("the hub runs")?;
    ensure!(Command::new("kill").args(["-HUP", &pid.to_string()]).status().await?.success(), "no SIGHUP");
    Ok(())
}

/// Writes a new certificate with its key, and answers it.
fn certificate(folder: &Path) -> Result<CertificateDer<'static>> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem())?;
    std::fs::write(folder.join("cert.pem"), cert.pem())?;
    Ok(cert.der().clone())
}

/// What the listener shows to a client that trusts nothing but this certificate.
async fn shows(port: u16, certificate: &CertificateDer<'static>) -> Result<()> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone())?;
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from("localhost")?;
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    Ok(())
}

#[tokio::test]
async fn sighup_takes_a_new_certificate_and_a_new_log_filter() -> Result<()> {
    let files = tempfile::tempdir()?;
    let (cert, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
    let port = free_port()?;
    let first = certificate(files.path())?;
    let tls = format!("tls_certificate_path: {}\ntls_private_key_path: {}\n", cert.display(), key.display());
    let mut hub = Hub::start(HubOptions { config: tls, ..HubOptions::default() }).await?;
    // A second listener, beside the one that the harness asks.
    let text = std::fs::read_to_string(hub.config())?;
    let more = format!("listeners:\n  - {{port: {port}, tls: true, bind_addresses: [127.0.0.1]}}\n");
    std::fs::write(hub.config(), text.replacen("listeners:\n", &more, 1))?;
    hub.terminate().await?;
    hub.serve().await?;
    shows(port, &first).await?;

    let second = certificate(files.path())?;
    ensure!(shows(port, &second).await.is_err(), "the new certificate is shown before anybody asked for it");
    let (is_well, said) = doctor(&hub).await?;
    ensure!(!is_well && said.contains(&format!("127.0.0.1:{port} still shows another")), "{said}");
    let text = std::fs::read_to_string(hub.config())?;
    std::fs::write(hub.config(), text.replacen("causeway:\n", "causeway:\n  log: {filter: debug}\n", 1))?;
    hang_up(&hub).await?;
    until("the new certificate", || shows(port, &second)).await?;
    let (_, said) = doctor(&hub).await?;
    ensure!(said.contains(&format!("127.0.0.1:{port} shows it")) && said.contains("good for"), "{said}");
    until("a line of the new level", || async {
        ensure!(hub.log().contains("DEBUG"), "none in {} bytes", hub.log().len());
        Ok(())
    })
    .await?;

    // A broken config changes nothing, and says where it is broken.
    std::fs::write(hub.config(), "server_nam: x\n")?;
    hang_up(&hub).await?;
    until("the mistake in the log", || async {
        ensure!(hub.log().contains("did you mean \"server_name\""), "not yet");
        Ok(())
    })
    .await?;
    shows(port, &second).await
}

#[tokio::test]
async fn accounts_are_kept_from_the_command_line() -> Result<()> {
    let hub = Hub::start(HubOptions::default()).await?;
    let made = hub.command(&["user", "create", "carol", "-p", "first", "--json"]).await?;
    ensure!(made["name"] == "@carol:causeway.test", "{made}");
    let again = hub.command(&["user", "create", "carol", "-p", "x"]).await.expect_err("carol exists").to_string();
    ensure!(again.contains("exists"), "{again}");
    hub.command(&["user", "make-admin", "carol"]).await?;
    hub.command(&["user", "reset-password", "@carol:causeway.test", "-p", "second"]).await?;
    causeway_blackbox::Client::log_in(&hub.url(), "carol", "second").await?;
    let shown = hub.command(&["user", "show", "carol", "--json"]).await?;
    ensure!(shown["admin"] == true && shown["deactivated"] == false, "{shown}");
    hub.command(&["user", "deactivate", "carol"]).await?;
    let listed = hub.command(&["user", "list", "--deactivated", "carol", "--json"]).await?;
    ensure!(listed["users"][0]["deactivated"] == true, "{listed}");
    let none = hub.command(&["user", "list", "carol", "--json"]).await?;
    ensure!(none["users"] == Value::Array(Vec::new()), "{none}");
    Ok(())
}

#[tokio::test]
async fn clients_come_in_over_a_unix_socket() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("hub.sock");
    let mut hub = Hub::start(HubOptions::default()).await?;
    let text = std::fs::read_to_string(hub.config())?;
    let more = format!("listeners:\n  - {{path: {}, mode: \"600\", type: http}}\n", socket.display());
    std::fs::write(hub.config(), text.replacen("listeners:\n", &more, 1))?;
    hub.terminate().await?;
    hub.serve().await?;
    let http = reqwest::Client::builder().unix_socket(socket.as_path()).build()?;
    let versions = http.get("http://localhost/_matrix/client/versions").send().await?;
    ensure!(versions.status().is_success(), "{}", versions.status());
    hub.terminate().await?;
    ensure!(!socket.exists(), "the socket's file is left over");
    Ok(())
}
