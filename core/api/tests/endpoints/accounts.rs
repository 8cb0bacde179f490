use causeway_store::{Commit, put_registration_token};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

use super::hub::{SHARED_SECRET, TestHub, generous};

const REGISTER: &str = "/_matrix/client/v3/register";
const LOGIN: &str = "/_matrix/client/v3/login";
const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

fn password_login(user: &str, password: &str) -> Value {
    json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": user }, "password": password })
}

#[tokio::test]
async fn register_with_dummy_stage_logs_in() {
    let hub = TestHub::start().await;
    let mut body = json!({ "username": "alice", "password": "secret", "device_id": "PHONE" });
    let challenge = hub.post(REGISTER, "", body.clone()).await;
    assert_eq!(challenge.status, 401);
    let challenge = challenge.json();
    assert_eq!(challenge["flows"], json!([{ "stages": ["m.login.dummy"] }]));
    body["auth"] = json!({ "type": "m.login.dummy", "session": challenge["session"] });
    let registered = hub.post(REGISTER, "", body.clone()).await.ok();
    assert_eq!(registered["device_id"], "PHONE");
    let token = registered["access_token"].as_str().expect("a token");
    let whoami = hub.get(WHOAMI, token).await.ok();
    assert_eq!((&whoami["user_id"], &whoami["device_id"]), (&json!("@alice:hub.test"), &json!("PHONE")));
    hub.post(REGISTER, "", body).await.refused(400, "M_USER_IN_USE");
}

#[tokio::test]
async fn register_refuses_bad_names_and_closed_doors() {
    let hub = TestHub::start().await;
    let odd = json!({ "username": "Ä", "password": "x", "auth": { "type": "m.login.dummy" } });
    hub.post(REGISTER, "", odd).await.refused(400, "M_INVALID_USERNAME");
    let closed = TestHub::start_with(|config| config.enable_registration = false, generous()).await;
    closed.post(REGISTER, "", json!({ "username": "a", "password": "x" })).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn registration_token_is_used_up() {
    let hub = TestHub::start_with(|config| config.registration_requires_token = true, generous()).await;
    hub.store.commit(Commit::of(vec![put_registration_token("once", Some(1), None)])).await.expect("a commit");
    let body = |name: &str, token: &str| {
        let auth = json!({ "type": "m.login.registration_token", "token": token });
        json!({ "username": name, "password": "x", "auth": auth })
    };
    hub.post(REGISTER, "", body("alice", "wrong")).await.refused(401, "M_FORBIDDEN");
    hub.post(REGISTER, "", body("alice", "once")).await.ok();
    hub.post(REGISTER, "", body("bob", "once")).await.refused(401, "M_FORBIDDEN");
}

#[tokio::test]
async fn shared_secret_makes_an_admin_who_may_use_the_admin_api() {
    let hub = TestHub::start().await;
    let path = "/_synapse/admin/v1/register";
    let nonce = hub.get(path, "").await.ok()["nonce"].as_str().expect("a nonce").to_owned();
    let mut mac = Hmac::<Sha1>::new_from_slice(SHARED_SECRET.as_bytes()).expect("any key");
    mac.update(format!("{nonce}\0root\0secret\0admin").as_bytes());
    let mac = hex::encode(mac.finalize().into_bytes());
    let body = json!({ "nonce": nonce, "username": "root", "password": "secret", "admin": true, "mac": mac });
    let registered = hub.post(path, "", body.clone()).await.ok();
    hub.post(path, "", body).await.refused(400, "M_UNKNOWN");
    let token = registered["access_token"].as_str().expect("a token");
    let admin = "/_synapse/admin/v1/users/@root:hub.test/admin";
    assert_eq!(hub.get(admin, token).await.ok(), json!({ "admin": true }));
    let (_, user) = hub.user("alice").await;
    hub.get(admin, &user).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn login_wants_the_password_and_logout_ends_it() {
    let hub = TestHub::start().await;
    hub.user("alice").await;
    hub.post(LOGIN, "", password_login("alice", "wrong")).await.refused(403, "M_FORBIDDEN");
    hub.post(LOGIN, "", password_login("nobody", "password")).await.refused(403, "M_FORBIDDEN");
    let login = hub.post(LOGIN, "", password_login("@alice:hub.test", "password")).await.ok();
    let token = login["access_token"].as_str().expect("a token");
    hub.get(WHOAMI, token).await.ok();
    hub.post("/_matrix/client/v3/logout", token, json!({})).await.ok();
    hub.get(WHOAMI, token).await.refused(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn login_token_works_once() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let auth = json!({ "auth": password_login("alice", "password") });
    let made = hub.post("/_matrix/client/v1/login/get_token", &token, auth).await.ok();
    let login = json!({ "type": "m.login.token", "token": made["login_token"] });
    assert_eq!(hub.post(LOGIN, "", login.clone()).await.ok()["user_id"], "@alice:hub.test");
    hub.post(LOGIN, "", login).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn refresh_softly_logs_out_the_old_token() {
    let hub = TestHub::start().await;
    hub.user("alice").await;
    let mut body = password_login("alice", "password");
    body["refresh_token"] = true.into();
    let login = hub.post(LOGIN, "", body).await.ok();
    let old = login["access_token"].as_str().expect("a token");
    hub.get(WHOAMI, old).await.ok();
    let refresh = json!({ "refresh_token": login["refresh_token"] });
    let new = hub.post("/_matrix/client/v3/refresh", "", refresh).await.ok();
    hub.get(WHOAMI, new["access_token"].as_str().expect("a token")).await.ok();
    assert_eq!(hub.get(WHOAMI, old).await.refused(401, "M_UNKNOWN_TOKEN")["soft_logout"], true);
}

#[tokio::test]
async fn device_is_renamed_and_deleted_with_the_password() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let other = hub.post(LOGIN, "", password_login("alice", "password")).await.ok();
    let path = format!("/_matrix/client/v3/devices/{}", other["device_id"].as_str().expect("a device"));
    hub.put(&path, &token, json!({ "display_name": "phone" })).await.ok();
    assert_eq!(hub.get(&path, &token).await.ok()["display_name"], "phone");
    let challenge = hub.call("DELETE", &path, &token, "").await;
    assert_eq!(challenge.status, 401);
    let wrong = json!({ "auth": password_login("alice", "wrong") });
    hub.call("DELETE", &path, &token, wrong.to_string()).await.refused(401, "M_FORBIDDEN");
    let right = json!({ "auth": password_login("alice", "password") });
    hub.call("DELETE", &path, &token, right.to_string()).await.ok();
    hub.get(&path, &token).await.refused(404, "M_NOT_FOUND");
    hub.get(WHOAMI, other["access_token"].as_str().expect("a token")).await.refused(401, "M_UNKNOWN_TOKEN");
    hub.put("/_matrix/client/v3/devices/NEW", &token, json!({})).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn new_password_logs_out_other_devices() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let other = hub.post(LOGIN, "", password_login("alice", "password")).await.ok();
    let body = json!({ "new_password": "new", "auth": password_login("alice", "password") });
    hub.post("/_matrix/client/v3/account/password", &token, body).await.ok();
    hub.get(WHOAMI, &token).await.ok();
    hub.get(WHOAMI, other["access_token"].as_str().expect("a token")).await.refused(401, "M_UNKNOWN_TOKEN");
    hub.post(LOGIN, "", password_login("alice", "password")).await.refused(403, "M_FORBIDDEN");
    hub.post(LOGIN, "", password_login("alice", "new")).await.ok();
}

#[tokio::test]
async fn deactivated_account_cannot_be_used_or_made_again() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let body = json!({ "auth": password_login("alice", "password") });
    hub.post("/_matrix/client/v3/account/deactivate", &token, body).await.ok();
    hub.get(WHOAMI, &token).await.refused(401, "M_UNKNOWN_TOKEN");
    hub.post(LOGIN, "", password_login("alice", "password")).await.refused(403, "M_USER_DEACTIVATED");
    hub.get("/_matrix/client/v3/register/available?username=alice", "").await.refused(400, "M_USER_IN_USE");
}
