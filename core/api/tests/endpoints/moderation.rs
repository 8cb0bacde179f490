use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text, sync};

const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

fn lock(user: &str) -> String {
    format!("/_matrix/client/v1/admin/lock/{user}")
}

fn suspend(user: &str) -> String {
    format!("/_matrix/client/v1/admin/suspend/{user}")
}

async fn admin(hub: &TestHub) -> String {
    let (user_id, token) = hub.user("admin").await;
    hub.api.accounts.set_admin(&user_id, true).await.expect("a commit");
    token
}

#[tokio::test]
async fn locked_account_can_only_log_out_until_it_is_unlocked() {
    let hub = TestHub::start().await;
    let admin = admin(&hub).await;
    let ((bob_id, bob), (_, carol)) = (hub.user("bob").await, hub.user("carol").await);
    let second = hub.log_in("bob").await;
    let path = lock(bob_id.as_str());
    assert_eq!(hub.get(&path, &admin).await.ok(), json!({ "locked": false }));
    hub.get(WHOAMI, &bob).await.ok();
    assert_eq!(hub.put(&path, &admin, json!({ "locked": true })).await.ok(), json!({ "locked": true }));
    assert_eq!(hub.get(&path, &admin).await.ok(), json!({ "locked": true }));
    let refused = hub.get(WHOAMI, &bob).await.refused(401, "M_USER_LOCKED");
    assert_eq!(refused["soft_logout"], true);
    let login = json!({
        "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "bob" }, "password": "password",
    });
    hub.post("/_matrix/client/v3/login", "", login).await.refused(401, "M_USER_LOCKED");
    hub.post("/_matrix/client/v3/logout", &second, json!({})).await.ok();
    hub.put(&path, &admin, json!({ "locked": false })).await.ok();
    hub.get(WHOAMI, &bob).await.ok();
    hub.get(WHOAMI, &second).await.refused(401, "M_UNKNOWN_TOKEN");

    for path in [lock(bob_id.as_str()), suspend(bob_id.as_str()), lock("@nobody:hub.test")] {
        hub.get(&path, &carol).await.refused(403, "M_FORBIDDEN");
    }
    hub.put(&path, &carol, json!({ "locked": true })).await.refused(403, "M_FORBIDDEN");
    hub.put(&lock("@admin:hub.test"), &admin, json!({ "locked": true })).await.refused(403, "M_FORBIDDEN");
    hub.get(&lock("@nobody:hub.test"), &admin).await.refused(404, "M_NOT_FOUND");
    hub.get(&lock("@bob:elsewhere.test"), &admin).await.refused(400, "M_INVALID_PARAM");
    hub.put(&path, &admin, json!({ "locked": 1 })).await.refused(400, "M_BAD_JSON");
    let shown = hub.get("/_matrix/client/v3/capabilities", &admin).await.ok();
    assert_eq!(shown["capabilities"]["m.account_moderation"], json!({ "lock": true, "suspend": true }));
    let shown = hub.get("/_matrix/client/v3/capabilities", &carol).await.ok();
    assert!(shown["capabilities"].get("m.account_moderation").is_none());
}

#[tokio::test]
async fn suspended_account_reads_leaves_and_takes_back_and_does_nothing_else() {
    let hub = TestHub::start().await;
    let admin = admin(&hub).await;
    let ((_, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    let other = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    let in_room = |rest: &str| format!("/_matrix/client/v3/rooms/{}/{rest}", encode(&room));
    hub.post(&in_room("join"), &bob, json!({})).await.ok();
    let of_bob = send_text(&hub, &bob, &room, "t1", "mine").await;
    let of_alice = send_text(&hub, &alice, &room, "t2", "hers").await;
    hub.put(&suspend(bob_id.as_str()), &admin, json!({ "suspended": true })).await.ok();
    assert_eq!(hub.get(&suspend(bob_id.as_str()), &admin).await.ok(), json!({ "suspended": true }));

    let text = json!({ "msgtype": "m.text", "body": "x" });
    let puts: [(String, Value); 4] = [
        (in_room("send/m.room.message/t3"), text),
        (in_room("state/m.room.topic/"), json!({ "topic": "x" })),
        (format!("/_matrix/client/v3/profile/{bob_id}/displayname"), json!({ "displayname": "x" })),
        (in_room(&format!("redact/{}/t4", encode(&of_alice))), json!({})),
    ];
    for (path, body) in puts {
        hub.put(&path, &bob, body).await.refused(403, "M_USER_SUSPENDED");
    }
    let posts = [
        "/_matrix/client/v3/createRoom".to_owned(),
        format!("/_matrix/client/v3/join/{}", encode(&other)),
        format!("/_matrix/client/v3/knock/{}", encode(&other)),
    ];
    for path in posts {
        hub.post(&path, &bob, json!({})).await.refused(403, "M_USER_SUSPENDED");
    }
    let invite = json!({ "user_id": "@admin:hub.test" });
    hub.post(&in_room("invite"), &bob, invite).await.refused(403, "M_USER_SUSPENDED");

    let synced = sync(&hub, &bob, "").await;
    assert!(synced["rooms"]["join"].get(&room).is_some());
    hub.put(&in_room(&format!("redact/{}/t5", encode(&of_bob))), &bob, json!({})).await.ok();
    hub.log_in("bob").await;
    hub.put(&suspend(bob_id.as_str()), &admin, json!({ "suspended": false })).await.ok();
    send_text(&hub, &bob, &room, "t6", "again").await;
    hub.put(&suspend(bob_id.as_str()), &admin, json!({ "suspended": true })).await.ok();
    hub.post(&in_room("leave"), &bob, json!({})).await.ok();
}

#[tokio::test]
async fn whois_tells_admins_and_oneself_from_where_devices_were_used() {
    let hub = TestHub::start().await;
    let admin = admin(&hub).await;
    let ((bob_id, bob), (_, carol)) = (hub.user("bob").await, hub.user("carol").await);
    let request = Request::builder().uri(WHOAMI).header("authorization", format!("Bearer {bob}"));
    let request = request.header("user-agent", "Element").body(Body::empty()).expect("a request");
    let device = hub.request(request).await.ok()["device_id"].as_str().expect("a device").to_owned();
    let path = format!("/_matrix/client/v3/admin/whois/{bob_id}");
    let shown = hub.get(&path, &admin).await.ok();
    assert_eq!(shown["user_id"], bob_id.as_str());
    let connection = &shown["devices"][&device]["sessions"][0]["connections"][0];
    assert_eq!((&connection["user_agent"], &connection["ip"]), (&json!("Element"), &json!("-")));
    assert!(connection["last_seen"].is_i64(), "{shown}");
    assert_eq!(hub.get(&path, &bob).await.ok()["user_id"], bob_id.as_str());
    hub.get(&path, &carol).await.refused(403, "M_FORBIDDEN");
    hub.get("/_matrix/client/v3/admin/whois/@nobody:hub.test", &admin).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn erased_words_are_shown_only_to_those_who_had_them() {
    let hub = TestHub::start().await;
    let ((_, alice), (_, bob), (_, carol)) = (hub.user("alice").await, hub.user("bob").await, hub.user("carol").await);
    let room = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    let in_room = |rest: &str| format!("/_matrix/client/v3/rooms/{}/{rest}", encode(&room));
    hub.post(&in_room("join"), &bob, json!({})).await.ok();
    let event = send_text(&hub, &bob, &room, "t1", "my words").await;
    let identifier = json!({ "type": "m.id.user", "user": "bob" });
    let auth = json!({ "type": "m.login.password", "identifier": identifier, "password": "password" });
    let path = "/_matrix/client/v3/account/deactivate";
    hub.post(path, &bob, json!({ "erase": true, "auth": auth })).await.ok();
    hub.get(WHOAMI, &bob).await.refused(401, "M_UNKNOWN_TOKEN");
    hub.get("/_matrix/client/v3/profile/@bob:hub.test/displayname", &alice).await.refused(404, "M_NOT_FOUND");
    hub.post(&in_room("join"), &carol, json!({})).await.ok();
    let path = in_room(&format!("event/{}", encode(&event)));
    assert_eq!(hub.get(&path, &alice).await.ok()["content"]["body"], "my words");
    let shown = hub.get(&path, &carol).await.ok();
    assert_eq!((&shown["content"], &shown["sender"]), (&json!({}), &json!("@bob:hub.test")));
    let synced = sync(&hub, &carol, "").await;
    let timeline = synced["rooms"]["join"][&room]["timeline"]["events"].as_array().expect("events").clone();
    assert!(timeline.iter().all(|event| event["content"]["body"] != "my words"), "{timeline:?}");
}
