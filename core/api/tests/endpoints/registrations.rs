//! Registrations through our own admin API: what a file would do, and the audit log.

use serde_json::{Value, json};

use super::hub::{TestHub, create, encode};

const BASE: &str = "/_causeway/admin/v1/registrations";

async fn admin(hub: &TestHub) -> String {
    let (user_id, token) = hub.user("root").await;
    hub.api.accounts.set_admin(&user_id, true).await.expect("a commit");
    token
}

fn registration(id: &str, users: &str, exclusive: bool) -> Value {
    json!({
        "id": id, "url": null, "as_token": format!("{id}-as"), "hs_token": format!("{id}-hs"),
        "sender_localpart": format!("{id}bot"), "rate_limited": false,
        "namespaces": { "users": [{ "regex": users, "exclusive": exclusive }], "rooms": [{ "regex": "!.*", "exclusive": false }] },
    })
}

#[tokio::test]
async fn a_check_names_existing_ids_and_conflicts_and_changes_nothing() {
    let hub = TestHub::start().await;
    let root = admin(&hub).await;
    let (_, alice) = hub.user("irc_alice").await;
    let room = create(&hub, &alice, json!({})).await;
    let plan = hub.post(&format!("{BASE}/check"), &root, registration("irc", "@irc_.*", true)).await.ok();
    assert_eq!(plan["conflicts"], json!([]));
    assert_eq!((&plan["sender"], &plan["sender_exists"]), (&json!("@ircbot:hub.test"), &json!(false)));
    let users = json!({ "kind": "users", "regex": "@irc_.*", "exclusive": true, "count": 1, "examples": ["@irc_alice:hub.test"] });
    let rooms = json!({ "kind": "rooms", "regex": "!.*", "exclusive": false, "count": 1, "examples": [room] });
    assert_eq!(plan["caught"], json!([users, rooms]));
    let listed = hub.get(BASE, &root).await.ok();
    assert_eq!(listed, json!({ "registrations": [], "broken_files": {} }));

    hub.post(BASE, &root, registration("irc", "@irc_.*", true)).await.ok();
    let plan = hub.post(&format!("{BASE}/check"), &root, registration("other", "@i.*", true)).await.ok();
    let conflicts = plan["conflicts"].to_string();
    assert!(conflicts.contains("irc") && conflicts.contains("other") && conflicts.contains("narrow"), "{conflicts}");
    hub.post(&format!("{BASE}/check"), &alice, registration("x", "@x.*", true)).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn changes_and_masquerading_are_in_the_audit_log_without_secrets() {
    let hub = TestHub::start().await;
    let root = admin(&hub).await;
    let (alice, _) = hub.user("alice").await;
    hub.post(BASE, &root, registration("puppet", "@.*:hub.test", false)).await.ok();
    let ghost = json!({ "type": "m.login.application_service", "username": "gull", "inhibit_login": true });
    hub.post("/_matrix/client/v3/register", "puppet-as", ghost).await.ok();
    for user in ["@gull:hub.test", alice.as_str(), alice.as_str()] {
        hub.get(&format!("/_matrix/client/v3/account/whoami?user_id={}", encode(user)), "puppet-as").await.ok();
    }
    hub.post(&format!("{BASE}/puppet/rotate"), &root, json!({})).await.ok();
    hub.call("DELETE", &format!("{BASE}/puppet"), &root, String::new()).await.ok();

    let log = hub.get("/_causeway/admin/v1/audit?registration=puppet", &root).await.ok();
    let entries = log["entries"].as_array().expect("a list");
    let told: Vec<_> = entries
        .iter()
        .rev()
        .map(|entry| (entry["actor"].as_str().unwrap(), entry["action"].as_str().unwrap()))
        .collect();
    let root_id = "@root:hub.test";
    assert_eq!(told, [(root_id, "add"), ("puppet", "masquerade"), (root_id, "rotate"), (root_id, "remove")]);
    assert_eq!(entries[2]["detail"], "as @alice:hub.test: GET /_matrix/client/v3/account/whoami");
    assert_eq!(entries[1]["detail"], "as_token, hs_token");
    assert!(!log.to_string().contains("puppet-as") && !log.to_string().contains("puppet-hs"), "{log}");
    let first = hub.get("/_causeway/admin/v1/audit?limit=1", &root).await.ok();
    let before = format!("/_causeway/admin/v1/audit?before={}", first["entries"][0]["number"]);
    assert_eq!(hub.get(&before, &root).await.ok()["entries"].as_array().map(Vec::len), Some(3));
    hub.get("/_causeway/admin/v1/audit", "puppet-as").await.refused(401, "M_UNKNOWN_TOKEN");
}
