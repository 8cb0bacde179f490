//! Addresses of accounts: added, used to log in, and removed.

use anyhow::{Result, ensure};
use causeway_blackbox::{Client, Database};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Desk, SECRET, THREEPIDS, UNLIMITED, asked, by_address, request_token};

const ADD: &str = "/_matrix/client/v3/account/3pid/add";

fn adding(name: &str, sid: &str, secret: &str) -> Value {
    let identifier = json!({ "type": "m.id.user", "user": name });
    let auth = json!({ "type": "m.login.password", "identifier": identifier, "password": "secret" });
    json!({ "sid": sid, "client_secret": secret, "auth": auth })
}

async fn refuses(client: &Client, path: &str, body: &Value, errcode: &str) -> Result<()> {
    let (status, answer) = client.request(Method::POST, path, Some(body)).await?;
    ensure!(status == 400 && answer["errcode"] == errcode, "{path} answered {status} {answer} and not {errcode}");
    Ok(())
}

async fn an_address_is_proved_and_logs_in(database: Database) -> Result<()> {
    let desk = Desk::set(database, UNLIMITED).await?;
    let (alice, bob) = (desk.hub.user("alice").await?, desk.hub.user("bob").await?);
    let capabilities = alice.get("/_matrix/client/v3/capabilities").await?;
    ensure!(capabilities["capabilities"]["m.3pid_changes"]["enabled"] == true, "{capabilities}");

    let sid = desk.ask("account/3pid", "Alice@Example.org").await?;
    let mail = desk.mail.mail(1).await?;
    for (key, value) in [
        ("sender", json!("noreply@causeway.test")),
        ("from", json!("Matrix <noreply@causeway.test>")),
        ("recipients", json!(["alice@example.org"])),
        ("to", json!("alice@example.org")),
        ("subject", json!("[causeway.test] Validate your email")),
        ("hello", json!("causeway.test")),
    ] {
        ensure!(mail[key] == value, "{key} is not {value} in {mail}");
    }
    // Asked again: the same session, and no second mail until the client wants one.
    ensure!(desk.ask("account/3pid", "alice@example.org").await? == sid, "another session for the same attempt");
    let (_, again) = desk.post(&request_token("account/3pid"), &asked("alice@example.org", 2)).await?;
    ensure!(again["sid"] == json!(sid), "{again}");
    desk.mail.mail(2).await?;
    ensure!(desk.mail.count()? == 2, "{} mails", desk.mail.count()?);

    refuses(&alice, ADD, &adding("alice", &sid, SECRET), "M_THREEPID_AUTH_FAILED").await?;
    let (status, challenge) =
        alice.request(Method::POST, ADD, Some(&json!({"sid": sid, "client_secret": SECRET}))).await?;
    ensure!(status == 401 && challenge["flows"] == json!([{"stages": ["m.login.password"]}]), "{status} {challenge}");

    // The first mail's link gave way to the second's, and a link that was made up leads nowhere.
    let (old, link) = (desk.mail.link(1).await?, desk.mail.link(2).await?);
    let made_up = format!("{}x", &link[..link.len() - 1]);
    let elsewhere = link.replace("add_threepid", "password_reset");
    for wrong in [&old, &made_up, &elsewhere] {
        ensure!(desk.press(wrong).await.is_err(), "{wrong} confirms");
    }
    refuses(&alice, ADD, &adding("alice", &sid, SECRET), "M_THREEPID_AUTH_FAILED").await?;
    ensure!(desk.press(&link).await?.is_none(), "it leads somewhere");
    desk.press(&link).await?;
    refuses(&alice, ADD, &adding("alice", &sid, "another.secret"), "M_THREEPID_AUTH_FAILED").await?;
    alice.post(ADD, &adding("alice", &sid, SECRET)).await?;
    refuses(&alice, ADD, &adding("alice", &sid, SECRET), "M_THREEPID_AUTH_FAILED").await?;

    let listed = alice.get(THREEPIDS).await?;
    let entry = &listed["threepids"][0];
    ensure!(entry["medium"] == "email" && entry["address"] == "alice@example.org", "{listed}");
    ensure!(entry["validated_at"].as_u64() <= entry["added_at"].as_u64() && entry["added_at"].is_u64(), "{listed}");
    ensure!(bob.get(THREEPIDS).await? == json!({"threepids": []}), "bob has one");

    let (status, answer) = desk.log_in(by_address("ALICE@example.org"), "secret").await?;
    ensure!(status == 200 && answer["user_id"] == json!(alice.user_id), "{status} {answer}");
    // Nobody's address is refused as a wrong password is.
    let wrong = desk.log_in(by_address("alice@example.org"), "wrong").await?;
    ensure!(wrong.0 == 403 && wrong == desk.log_in(by_address("nobody@example.org"), "wrong").await?, "{wrong:?}");

    desk.refused(&request_token("account/3pid"), &asked("alice@example.org", 9), 400, "M_THREEPID_IN_USE").await?;
    desk.refused(&request_token("register"), &asked("alice@example.org", 9), 400, "M_THREEPID_IN_USE").await?;
    desk.refused(&request_token("account/3pid"), &asked("alice", 1), 400, "M_INVALID_PARAM").await?;
    let with_header = asked("x@example.org\r\nBcc: y@example.org", 1);
    desk.refused(&request_token("account/3pid"), &with_header, 400, "M_INVALID_PARAM").await?;
    ensure!(desk.mail.count()? == 2, "a mail was sent for what was refused");

    let address = json!({"medium": "email", "address": "Alice@example.org"});
    let gone = alice.post(&format!("{THREEPIDS}/delete"), &address).await?;
    ensure!(gone == json!({"id_server_unbind_result": "no-support"}), "deleted otherwise");
    ensure!(alice.get(THREEPIDS).await? == json!({"threepids": []}), "still there");
    ensure!(desk.log_in(by_address("alice@example.org"), "secret").await?.0 == 403, "a removed address logs in");
    Ok(())
}

#[tokio::test]
async fn an_address_is_proved_and_logs_in_sqlite() -> Result<()> {
    an_address_is_proved_and_logs_in(Database::Sqlite).await
}

#[tokio::test]
async fn an_address_is_proved_and_logs_in_postgres() -> Result<()> {
    an_address_is_proved_and_logs_in(Database::Postgres).await
}

#[tokio::test]
async fn an_address_is_one_accounts() -> Result<()> {
    let desk = Desk::set(Database::Sqlite, UNLIMITED).await?;
    let (alice, bob) = (desk.hub.user("alice").await?, desk.hub.user("bob").await?);
    let sid = desk.ask("account/3pid", "both@example.org").await?;
    desk.confirm(1).await?;
    let mut theirs = asked("both@example.org", 1);
    theirs["client_secret"] = "bobs".into();
    let (_, answer) = desk.post(&request_token("account/3pid"), &theirs).await?;
    let bobs_sid = answer["sid"].as_str().unwrap_or_default().to_owned();
    ensure!(bobs_sid != sid, "another secret, the same session");
    desk.confirm(2).await?;
    alice.post(ADD, &adding("alice", &sid, SECRET)).await?;
    refuses(&bob, ADD, &adding("bob", &bobs_sid, "bobs"), "M_THREEPID_IN_USE").await?;
    let deactivate = json!({ "auth": adding("alice", "", "")["auth"] });
    alice.post("/_matrix/client/v3/account/deactivate", &deactivate).await?;
    // With the account its addresses went.
    bob.post(ADD, &adding("bob", &bobs_sid, "bobs")).await?;
    Ok(())
}

#[tokio::test]
async fn admins_see_and_set_addresses() -> Result<()> {
    let desk = Desk::set(Database::Sqlite, UNLIMITED).await?;
    let alice = desk.hub.user("alice").await?;
    desk.hub.command(&["register-user", "-u", "root", "-p", "secret", "--admin"]).await?;
    let root = Client::log_in(&desk.hub.url(), "root", "secret").await?;
    let path = format!("/_synapse/admin/v2/users/{}", alice.user_id);
    let set = |address: &str| json!({ "threepids": [{"medium": "email", "address": address}] });
    let shown = root.put(&path, &set("Alice@example.org")).await?;
    ensure!(shown["threepids"][0]["address"] == "alice@example.org", "{shown}");
    ensure!(alice.get(THREEPIDS).await?["threepids"][0]["address"] == "alice@example.org", "alice does not see it");
    let owner = root.get("/_synapse/admin/v1/threepid/email/users/ALICE@example.org").await?;
    ensure!(owner == json!({"user_id": alice.user_id}), "{owner}");
    let nobodys = root.request(Method::GET, "/_synapse/admin/v1/threepid/email/users/x@example.org", None).await?;
    ensure!(nobodys.0 == 404 && nobodys.1["errcode"] == "M_NOT_FOUND", "{nobodys:?}");
    let denied = alice.request(Method::GET, "/_synapse/admin/v1/threepid/email/users/x@example.org", None).await?;
    ensure!(denied.0 == 403, "{denied:?}");
    let other = format!("/_synapse/admin/v2/users/{}", root.user_id);
    let taken = root.request(Method::PUT, &other, Some(&set("alice@example.org"))).await?;
    ensure!(taken.0 == 400 && taken.1["errcode"] == "M_THREEPID_IN_USE", "{taken:?}");
    root.put(&path, &json!({ "threepids": [] })).await?;
    root.put(&other, &set("alice@example.org")).await?;
    Ok(())
}

#[tokio::test]
async fn addresses_stay_as_they_are_where_changes_are_off() -> Result<()> {
    let patterns = "allowed_local_3pids:\n  - {medium: email, pattern: '^[^@]+@example\\.org$'}\n";
    let off = Desk::set(Database::Sqlite, &format!("{UNLIMITED}enable_3pid_changes: false\n{patterns}")).await?;
    let alice = off.hub.user("alice").await?;
    off.refused(&request_token("account/3pid"), &asked("alice@example.org", 1), 403, "M_FORBIDDEN").await?;
    let (status, answer) = alice.request(Method::POST, ADD, Some(&adding("alice", "x", SECRET))).await?;
    ensure!(status == 403 && answer["errcode"] == "M_FORBIDDEN", "{status} {answer}");
    let capabilities = alice.get("/_matrix/client/v3/capabilities").await?;
    ensure!(capabilities["capabilities"]["m.3pid_changes"]["enabled"] == false, "{capabilities}");
    off.refused(&request_token("register"), &asked("alice@example.org.evil", 1), 403, "M_THREEPID_DENIED").await?;
    off.ask("register", "alice@example.org").await?;
    let by_text = json!({ "client_secret": SECRET, "country": "GB", "phone_number": "1", "send_attempt": 1 });
    let path = "/_matrix/client/v3/account/3pid/msisdn/requestToken";
    off.refused(path, &by_text, 400, "M_THREEPID_MEDIUM_NOT_SUPPORTED").await?;
    Ok(())
}
