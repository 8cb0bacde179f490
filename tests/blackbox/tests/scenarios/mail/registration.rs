//! Accounts that need an address and consent from the start.

use anyhow::{Context, Result, ensure};
use causeway_blackbox::Database;
use serde_json::{Value, json};

use super::{Desk, REGISTER, THREEPIDS, UNLIMITED, asked, by_address, proved, request_token};

fn account(name: &str, auth: Value) -> Value {
    json!({ "username": name, "password": "secret", "auth": auth })
}

async fn an_account_is_made_with_address_and_consent(database: Database) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let page = "<p>Version {{ version }}{% if public_version %}, for all{% else %} of {{ user }}{% endif %}</p>";
    std::fs::create_dir(folder.path().join("en"))?;
    std::fs::write(folder.path().join("en/1.0.html"), page)?;
    let config = format!(
        "{UNLIMITED}registrations_require_3pid: [email]\nuser_consent: {{template_dir: {}, version: 1.0, \
         require_at_registration: true, policy_name: House rules}}\n",
        folder.path().display()
    );
    let desk = Desk::set(database, &config).await?;
    let (status, challenge) = desk.post(REGISTER, &json!({ "username": "alice", "password": "secret" })).await?;
    let flows = json!([{"stages": ["m.login.terms", "m.login.email.identity"]}]);
    ensure!(status == 401 && challenge["flows"] == flows, "{status} {challenge}");
    let policy = &challenge["params"]["m.login.terms"]["policies"]["privacy_policy"];
    ensure!(policy["version"] == "1.0" && policy["en"]["name"] == "House rules", "{challenge}");
    let url = policy["en"]["url"].as_str().context("no url")?;
    let path = url.strip_prefix("https://causeway.test").context("another host")?;
    let shown = desk.http.get(desk.hub.url() + path).send().await?.text().await?;
    ensure!(shown == "<p>Version 1.0, for all</p>", "{shown}");

    let session = challenge["session"].as_str().context("no session")?;
    let with = |mut auth: Value| {
        auth["session"] = session.into();
        auth
    };
    // Neither another stage nor one of the two alone makes an account.
    let dummy = with(json!({ "type": "m.login.dummy" }));
    desk.refused(REGISTER, &account("alice", dummy), 401, "M_FORBIDDEN").await?;
    let terms = with(json!({ "type": "m.login.terms" }));
    let (status, answer) = desk.post(REGISTER, &account("alice", terms)).await?;
    ensure!(status == 401 && answer["completed"] == json!(["m.login.terms"]), "{status} {answer}");
    ensure!(answer["errcode"].is_null(), "{answer}");
    let sid = desk.ask("register", "alice@example.org").await?;
    let proof = with(proved(&sid));
    desk.refused(REGISTER, &account("alice", proof.clone()), 401, "M_UNAUTHORIZED").await?;
    desk.confirm(1).await?;
    let (status, answer) = desk.post(REGISTER, &account("alice", proof.clone())).await?;
    ensure!(status == 200 && answer["user_id"] == "@alice:causeway.test", "{status} {answer}");

    let token = answer["access_token"].as_str().context("no token")?;
    let listed: Value = desk.http.get(desk.hub.url() + THREEPIDS).bearer_auth(token).send().await?.json().await?;
    ensure!(listed["threepids"][0]["address"] == "alice@example.org", "{listed}");
    ensure!(desk.log_in(by_address("alice@example.org"), "secret").await?.0 == 200, "the address does not log in");
    // The proof is used up, and the address taken.
    desk.refused(REGISTER, &account("other", proof), 401, "M_UNAUTHORIZED").await?;
    desk.refused(&request_token("register"), &asked("alice@example.org", 2), 400, "M_THREEPID_IN_USE").await?;
    desk.hub.command(&["register-user", "-u", "root", "-p", "secret", "--admin"]).await?;
    let root = causeway_blackbox::Client::log_in(&desk.hub.url(), "root", "secret").await?;
    let shown = root.get("/_synapse/admin/v2/users/@alice:causeway.test").await?;
    ensure!(shown["consent_version"] == "1.0", "{shown}");
    Ok(())
}

#[tokio::test]
async fn an_account_is_made_with_address_and_consent_sqlite() -> Result<()> {
    an_account_is_made_with_address_and_consent(Database::Sqlite).await
}

#[tokio::test]
async fn an_account_is_made_with_address_and_consent_postgres() -> Result<()> {
    an_account_is_made_with_address_and_consent(Database::Postgres).await
}

#[tokio::test]
async fn an_address_is_offered_where_none_is_required() -> Result<()> {
    let desk = Desk::set(Database::Sqlite, UNLIMITED).await?;
    let (_, challenge) = desk.post(REGISTER, &json!({ "username": "alice", "password": "secret" })).await?;
    let flows = json!([{"stages": ["m.login.dummy"]}, {"stages": ["m.login.email.identity"]}]);
    ensure!(challenge["flows"] == flows, "{challenge}");
    let sid = desk.ask("register", "alice@example.org").await?;
    desk.confirm(1).await?;
    // A name that is taken costs the proof nothing.
    desk.hub.user("taken").await?;
    desk.refused(REGISTER, &account("taken", proved(&sid)), 400, "M_USER_IN_USE").await?;
    let (status, answer) = desk.post(REGISTER, &account("alice", proved(&sid))).await?;
    ensure!(status == 200, "{status} {answer}");
    let (status, answer) = desk.post(REGISTER, &account("bob", json!({ "type": "m.login.dummy" }))).await?;
    ensure!(status == 200, "{status} {answer}");
    Ok(())
}
