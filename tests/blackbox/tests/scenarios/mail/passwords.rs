//! A forgotten password is set anew by who reads the account's mail.

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Database, until};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Desk, PASSWORD, UNLIMITED, asked, by_address, by_name, proved, request_token};

async fn with_address(desk: &Desk, name: &str, address: &str) -> Result<causeway_blackbox::Client> {
    let user = desk.hub.user(name).await?;
    desk.hub.command(&["register-user", "-u", "root", "-p", "secret", "--admin", "--exists-ok"]).await?;
    let root = causeway_blackbox::Client::log_in(&desk.hub.url(), "root", "secret").await?;
    let body = json!({ "threepids": [{"medium": "email", "address": address}] });
    root.put(&format!("/_synapse/admin/v2/users/{}", user.user_id), &body).await?;
    Ok(user)
}

fn new_password(sid: &str, password: &str) -> Value {
    json!({ "new_password": password, "auth": proved(sid) })
}

async fn a_password_is_reset_by_mail(database: Database) -> Result<()> {
    let desk = Desk::set(database, UNLIMITED).await?;
    let alice = with_address(&desk, "alice", "alice@example.org").await?;
    let path = request_token("account/password");
    desk.refused(&path, &asked("nobody@example.org", 1), 400, "M_THREEPID_NOT_FOUND").await?;
    let (status, challenge) = desk.post(PASSWORD, &json!({ "new_password": "new" })).await?;
    ensure!(status == 401 && challenge["flows"] == json!([{"stages": ["m.login.email.identity"]}]), "{challenge}");
    ensure!(challenge["errcode"].is_null(), "{challenge}");

    let sid = desk.ask("account/password", "alice@example.org").await?;
    ensure!(desk.mail.mail(1).await?["subject"] == "[causeway.test] Password reset", "{}", desk.mail.mail(1).await?);
    // What Element asks again and again until the link was followed.
    let waiting = desk.refused(PASSWORD, &new_password(&sid, "new"), 401, "M_UNAUTHORIZED").await?;
    ensure!(waiting["session"].is_string(), "{waiting}");
    desk.refused(PASSWORD, &new_password("another", "new"), 401, "M_UNAUTHORIZED").await?;
    // A proof for one thing is none for another.
    let other = desk.ask("register", "new@example.org").await?;
    desk.confirm(2).await?;
    desk.refused(PASSWORD, &new_password(&other, "new"), 401, "M_UNAUTHORIZED").await?;

    desk.confirm(1).await?;
    let (status, answer) = desk.post(PASSWORD, &new_password(&sid, "new")).await?;
    ensure!(status == 200, "{status} {answer}");
    ensure!(desk.log_in(by_name("alice"), "secret").await?.0 == 403, "the old password logs in");
    let (status, _) = desk.log_in(by_address("alice@example.org"), "new").await?;
    ensure!(status == 200, "the new password does not log in");
    let (status, answer) = alice.request(Method::GET, "/_matrix/client/v3/account/whoami", None).await?;
    ensure!(status == 401 && answer["errcode"] == "M_UNKNOWN_TOKEN", "an old device goes on: {status} {answer}");
    desk.refused(PASSWORD, &new_password(&sid, "newer"), 401, "M_UNAUTHORIZED").await?;
    Ok(())
}

#[tokio::test]
async fn a_password_is_reset_by_mail_sqlite() -> Result<()> {
    a_password_is_reset_by_mail(Database::Sqlite).await
}

#[tokio::test]
async fn a_password_is_reset_by_mail_postgres() -> Result<()> {
    a_password_is_reset_by_mail(Database::Postgres).await
}

#[tokio::test]
async fn links_lead_back_to_the_client_and_end() -> Result<()> {
    let config = format!("{UNLIMITED}next_link_domain_whitelist: [app.test]\n");
    let desk = Desk::set(Database::Sqlite, &config).await?;
    with_address(&desk, "alice", "alice@example.org").await?;
    let path = request_token("account/password");
    let to = |link: &str, attempt: u32| {
        let mut body = asked("alice@example.org", attempt);
        body["next_link"] = link.into();
        body
    };
    for wrong in ["https://evil.test/", "javascript:alert(1)", "/somewhere", "https://app.test@evil.test/"] {
        desk.refused(&path, &to(wrong, 1), 400, "M_INVALID_PARAM").await?;
    }
    let (status, answer) = desk.post(&path, &to("https://app.test/reset?a=b", 1)).await?;
    ensure!(status == 200, "{status} {answer}");
    let led = desk.press(&desk.mail.link(1).await?).await?;
    ensure!(led.as_deref() == Some("https://app.test/reset?a=b"), "it leads to {led:?}");
    Ok(())
}

#[tokio::test]
async fn links_end_in_time() -> Result<()> {
    let mut desk = Desk::set(Database::Sqlite, UNLIMITED).await?;
    with_address(&desk, "alice", "alice@example.org").await?;
    let text = std::fs::read_to_string(desk.hub.config())?;
    std::fs::write(desk.hub.config(), text.replacen("email:\n", "email:\n  validation_token_lifetime: 10\n", 1))?;
    desk.hub.terminate().await?;
    desk.hub.serve().await?;
    let sid = desk.ask("account/password", "alice@example.org").await?;
    let link = desk.mail.link(1).await?;
    let path = link.strip_prefix("https://causeway.test").context("another host")?;
    until("the link's end", || async {
        let page = desk.http.get(desk.hub.url() + path).send().await?;
        ensure!(page.status() == 400, "it still answers {}", page.status());
        ensure!(page.text().await?.contains("not valid any more"), "it says something else");
        Ok(())
    })
    .await?;
    desk.refused(PASSWORD, &new_password(&sid, "new"), 401, "M_UNAUTHORIZED").await?;
    ensure!(desk.log_in(by_name("alice"), "secret").await?.0 == 200, "the password changed");
    Ok(())
}
