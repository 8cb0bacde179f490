//! Accounts and registration tokens through Synapse's admin API.

use serde_json::{Value, json};

use super::hub::{TestHub, encode, generous};

const REGISTER: &str = "/_matrix/client/v3/register";
const LOGIN: &str = "/_matrix/client/v3/login";
const TOKENS: &str = "/_synapse/admin/v1/registration_tokens";

async fn admin(hub: &TestHub) -> String {
    let (user_id, token) = hub.user("root").await;
    hub.api.accounts.set_admin(&user_id, true).await.expect("a commit");
    token
}

fn user(name: &str) -> String {
    format!("/_synapse/admin/v2/users/{}", encode(&format!("@{name}:hub.test")))
}

fn login(name: &str, password: &str) -> Value {
    json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": name }, "password": password })
}

#[tokio::test]
async fn an_admin_makes_lists_changes_and_deactivates_accounts() {
    let hub = TestHub::start().await;
    let token = admin(&hub).await;
    let body = json!({ "password": "first", "displayname": "Alice" });
    let made = hub.put(&user("alice"), &token, body).await;
    assert_eq!((made.status.as_u16(), &made.json()["displayname"]), (201, &json!("Alice")));
    let alice = hub.post(LOGIN, "", login("alice", "first")).await.ok();
    let alice = alice["access_token"].as_str().expect("a token");
    let room = hub.post("/_matrix/client/v3/createRoom", alice, json!({})).await.ok();

    let listed = hub.get("/_synapse/admin/v2/users?user_id=ALI", &token).await.ok();
    assert_eq!((&listed["total"], &listed["users"][0]["name"]), (&json!(1), &json!("@alice:hub.test")));
    let first = hub.get("/_synapse/admin/v2/users?limit=1", &token).await.ok();
    assert_eq!((&first["total"], &first["next_token"]), (&json!(2), &json!("1")));

    let reset = format!("/_synapse/admin/v1/reset_password/{}", encode("@alice:hub.test"));
    hub.post(&reset, &token, json!({ "new_password": "second" })).await.ok();
    hub.get("/_matrix/client/v3/account/whoami", alice).await.refused(401, "M_UNKNOWN_TOKEN");
    hub.post(LOGIN, "", login("alice", "first")).await.refused(403, "M_FORBIDDEN");
    let changed = hub.put(&user("alice"), &token, json!({ "admin": true, "displayname": "A" })).await;
    assert_eq!(changed.status.as_u16(), 200);
    assert_eq!((&changed.json()["admin"], &changed.json()["displayname"]), (&json!(true), &json!("A")));

    let deactivate = format!("/_synapse/admin/v1/deactivate/{}", encode("@alice:hub.test"));
    hub.post(&deactivate, &token, json!({ "erase": true })).await.ok();
    hub.post(LOGIN, "", login("alice", "second")).await.refused(403, "M_USER_DEACTIVATED");
    assert_eq!(hub.get(&user("alice"), &token).await.ok()["deactivated"], true);
    assert_eq!(hub.get("/_synapse/admin/v2/users", &token).await.ok()["total"], 1);
    let room_id = ruma::RoomId::parse(room["room_id"].as_str().expect("a room")).expect("a room id");
    let members = hub.api.rooms.snapshot(&room_id).await.expect("the room");
    assert!(members.members().all(|(_, membership, _)| membership.as_str() != "join"), "alice is still there");
    hub.put(&user("alice"), &token, json!({ "deactivated": false })).await.refused(400, "M_UNKNOWN");
}

#[tokio::test]
async fn only_admins_and_only_users_of_this_server() {
    let hub = TestHub::start().await;
    let token = admin(&hub).await;
    let (_, nobody) = hub.user("nobody").await;
    hub.get("/_synapse/admin/v2/users", &nobody).await.refused(403, "M_FORBIDDEN");
    hub.get(&user("missing"), &token).await.refused(404, "M_NOT_FOUND");
    let foreign = format!("/_synapse/admin/v2/users/{}", encode("@a:elsewhere.test"));
    hub.put(&foreign, &token, json!({ "password": "x" })).await.refused(400, "M_INVALID_PARAM");
    hub.put("/_synapse/admin/v2/users/nonsense", &token, json!({})).await.refused(400, "M_INVALID_PARAM");
    hub.put(&user("Ünfit"), &token, json!({})).await.refused(400, "M_INVALID_USERNAME");
}

#[tokio::test]
async fn registration_tokens_are_made_limited_and_taken_away() {
    let hub = TestHub::start_with(|config| config.registration_requires_token = true, generous()).await;
    let token = admin(&hub).await;
    let new = format!("{TOKENS}/new");
    let made = hub.post(&new, &token, json!({ "uses_allowed": 1 })).await.ok();
    let made = made["token"].as_str().expect("a token");
    hub.post(&new, &token, json!({ "token": made })).await.refused(400, "M_INVALID_PARAM");
    hub.post(&new, &token, json!({ "token": "a b" })).await.refused(400, "M_INVALID_PARAM");
    let valid = async |text: &str| {
        let path = "/_matrix/client/v1/register/m.login.registration_token/validity";
        hub.get(&format!("{path}?token={text}"), "").await.ok()["valid"] == true
    };
    assert!(valid(made).await && !valid("other").await);
    let body = |name: &str| {
        let auth = json!({ "type": "m.login.registration_token", "token": made });
        json!({ "username": name, "password": "x", "auth": auth })
    };
    hub.post(REGISTER, "", body("alice")).await.ok();
    hub.post(REGISTER, "", body("bob")).await.refused(401, "M_FORBIDDEN");
    assert!(!valid(made).await);
    let path = format!("{TOKENS}/{made}");
    let shown = hub.get(&path, &token).await.ok();
    assert_eq!((&shown["uses_allowed"], &shown["completed"]), (&json!(1), &json!(1)));
    let listed = hub.get(&format!("{TOKENS}?valid=true"), &token).await.ok();
    assert_eq!(listed["registration_tokens"], json!([]));
    assert_eq!(hub.put(&path, &token, json!({ "uses_allowed": null })).await.ok()["uses_allowed"], Value::Null);
    hub.post(REGISTER, "", body("bob")).await.ok();
    hub.call("DELETE", &path, &token, "").await.ok();
    hub.get(&path, &token).await.refused(404, "M_NOT_FOUND");
}
