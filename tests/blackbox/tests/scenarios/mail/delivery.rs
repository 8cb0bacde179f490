//! The mail server and the hub: how it is spoken to, when it is away, how often it is asked, and what nobody is told.

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Database, Hub, HubOptions, MailServer, http_client, until};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;

use super::{Desk, SECRET, UNLIMITED, asked, email, request_token};

#[tokio::test]
async fn a_mail_server_that_is_away_is_told_and_tried_again() -> Result<()> {
    let mut desk = Desk::set(Database::Sqlite, UNLIMITED).await?;
    let path = request_token("register");
    desk.mail.stop().await?;
    let told = desk.refused(&path, &asked("alice@example.org", 1), 500, "M_UNKNOWN").await?;
    ensure!(!told.to_string().contains("127.0.0.1"), "{told}");
    ensure!(desk.hub.log().contains("the mail server does not take the mail"), "the log does not say why");
    desk.mail.serve().await?;
    // The same attempt, repeated, sends it now.
    desk.ask("register", "alice@example.org").await?;
    desk.confirm(1).await?;
    desk.refused(&path, &asked("full@example.org", 1), 500, "M_UNKNOWN").await?;

    // Neither a link's token nor the client's secret is in the log.
    let link = desk.mail.link(1).await?;
    let token = link.split("token=").nth(1).context("a link without a token")?;
    let log = desk.hub.log();
    ensure!(!log.contains(token) && !log.contains(SECRET), "a secret is in the log:\n{log}");
    Ok(())
}

/// Status of a `requestToken`.
async fn ask(hub: &Hub, address: &str) -> Result<u16> {
    let request = http_client()?.post(hub.url() + &request_token("register")).json(&asked(address, 1));
    Ok(request.send().await?.status().as_u16())
}

/// A hub's next life, with this for that in its config.
async fn change(hub: &mut Hub, from: &str, to: &str) -> Result<()> {
    hub.terminate().await?;
    let text = std::fs::read_to_string(hub.config())?;
    ensure!(text.contains(from), "no {from} in {text}");
    std::fs::write(hub.config(), text.replace(from, to))?;
    hub.serve().await
}

#[tokio::test]
async fn mail_goes_encrypted_and_signed_in_where_the_admin_says_so() -> Result<()> {
    let files = tempfile::tempdir()?;
    let file = |name: &str| files.path().join(name).display().to_string();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["mail.test".to_owned()])?;
    std::fs::write(file("cert.pem"), cert.pem())?;
    std::fs::write(file("key.pem"), signing_key.serialize_pem())?;
    let options = |whole: bool| {
        let (certificate, key) = (file("cert.pem"), file("key.pem"));
        json!({ "user": "hub", "password": "swordfish", "certificate": certificate, "key": key, "whole": whole })
    };
    let (upgraded, whole) =
        (MailServer::start_with(options(false)).await?, MailServer::start_with(options(true)).await?);
    let bare = MailServer::start().await?;
    let more = "  require_transport_security: true\n  tlsname: mail.test\n  smtp_user: hub\n  smtp_pass: swordfish\n  app_name: Harbor\n";
    // The system's certificates are these alone.
    let environment = vec![("SSL_CERT_FILE".to_owned(), file("cert.pem"))];
    let config = email(upgraded.port, more) + UNLIMITED;
    let mut hub = Hub::start(HubOptions { config, environment, ..HubOptions::default() }).await?;
    ensure!(ask(&hub, "alice@example.org").await? == 200, "refused");
    let sent = upgraded.mail(1).await?;
    ensure!(sent["encrypted"] == true && sent["authenticated"] == true, "{sent}");
    ensure!(sent["from"] == "Harbor <noreply@causeway.test>", "{sent}");

    change(&mut hub, "swordfish", "wrong-password").await?;
    ensure!(ask(&hub, "bob@example.org").await? == 500, "mail was sent with a wrong password");
    change(&mut hub, "wrong-password", "swordfish").await?;
    change(&mut hub, &upgraded.port.to_string(), &bare.port.to_string()).await?;
    ensure!(ask(&hub, "bob@example.org").await? == 500, "mail was sent in the clear");

    change(&mut hub, &bare.port.to_string(), &format!("{}\n  force_tls: true", whole.port)).await?;
    ensure!(ask(&hub, "bob@example.org").await? == 200, "refused");
    ensure!(whole.mail(1).await?["authenticated"] == true, "{}", whole.mail(1).await?);
    change(&mut hub, "mail.test", "other.test").await?;
    ensure!(ask(&hub, "eve@example.org").await? == 500, "mail was sent to who has another's certificate");
    let counts = (upgraded.count()?, bare.count()?, whole.count()?);
    ensure!(counts == (1, 0, 1), "{counts:?} mails");
    let log = hub.log();
    ensure!(!log.contains("swordfish") && !log.contains("wrong-password"), "a password is in the log:\n{log}");
    Ok(())
}

#[tokio::test]
async fn mails_are_limited_by_address_and_by_who_asks() -> Result<()> {
    let desk = Desk::set(Database::Sqlite, "rc_3pid_validation: {per_second: 0.001, burst_count: 2}\n").await?;
    let path = request_token("register");
    for attempt in [1, 2] {
        let (status, answer) = desk.post(&path, &asked("alice@example.org", attempt)).await?;
        ensure!(status == 200, "{status} {answer}");
    }
    let limited = desk.refused(&path, &asked("bob@example.org", 1), 429, "M_LIMIT_EXCEEDED").await?;
    ensure!(limited["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0), "{limited}");
    // Somebody else, to the same address.
    let other = http_client()?;
    let request = || other.post(desk.hub.url() + &path);
    ensure!(request().json(&asked("ALICE@example.org", 3)).send().await?.status() == 429, "three mails to alice");
    ensure!(request().json(&asked("bob@example.org", 1)).send().await?.status() == 200, "bob gets none");
    ensure!(desk.mail.count()? == 3, "{} mails", desk.mail.count()?);
    Ok(())
}

#[tokio::test]
async fn whether_an_address_has_an_account_is_told_to_nobody_where_the_admin_says_so() -> Result<()> {
    let mut desk =
        Desk::set(Database::Sqlite, &format!("{UNLIMITED}request_token_inhibit_3pid_errors: true\n")).await?;
    let alice = desk.hub.user("alice").await?;
    desk.hub.command(&["register-user", "-u", "root", "-p", "secret", "--admin"]).await?;
    let root = causeway_blackbox::Client::log_in(&desk.hub.url(), "root", "secret").await?;
    let body = json!({ "threepids": [{"medium": "email", "address": "alice@example.org"}] });
    root.put(&format!("/_synapse/admin/v2/users/{}", alice.user_id), &body).await?;
    for of in ["account/password", "register", "account/3pid"] {
        for address in ["alice@example.org", "nobody@example.org"] {
            let sid = desk.ask(of, address).await?;
            ensure!(sid == desk.ask(of, address).await?, "{of} for {address}: another session for the same attempt");
        }
    }
    // One to alice for her password, two to nobody.
    until("three mails", || async {
        let count = desk.mail.count()?;
        ensure!(count >= 3, "{count} mails");
        Ok(())
    })
    .await?;
    // Also while the mail server is away.
    desk.mail.stop().await?;
    let mut sids = Vec::new();
    for address in ["alice@example.org", "nobody@example.org"] {
        let (status, answer) = desk.post(&request_token("account/password"), &asked(address, 2)).await?;
        ensure!(status == 200, "{status} {answer}");
        sids.push(answer["sid"].clone());
    }
    until("the failure in the log", || async {
        ensure!(desk.hub.log().contains("an e-mail was not sent"), "not yet");
        Ok(())
    })
    .await?;
    for (address, sid) in ["alice@example.org", "nobody@example.org"].into_iter().zip(sids) {
        let (_, answer) = desk.post(&request_token("account/password"), &asked(address, 2)).await?;
        ensure!(answer["sid"] == sid, "{address}: another session for the same attempt");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_mail_server_no_address_is_asked_for() -> Result<()> {
    let hub = Hub::start(HubOptions::default()).await?;
    let request = http_client()?.post(hub.url() + &request_token("register")).json(&asked("alice@example.org", 1));
    let response = request.send().await?;
    let (status, answer): (u16, serde_json::Value) = (response.status().as_u16(), response.json().await?);
    ensure!(status == 400 && answer["errcode"] == "M_THREEPID_MEDIUM_NOT_SUPPORTED", "{status} {answer}");
    Ok(())
}
