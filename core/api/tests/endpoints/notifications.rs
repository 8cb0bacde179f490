//! `GET /notifications`: what somebody was told of, judged again.

use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text};

const NOTIFICATIONS: &str = "/_matrix/client/v3/notifications";

async fn list(hub: &TestHub, token: &str, query: &str) -> Value {
    hub.get(&format!("{NOTIFICATIONS}?{query}"), token).await.ok()
}

/// Of each event its text, or its type.
fn words(answer: &Value) -> Vec<String> {
    let notifications = answer["notifications"].as_array().expect("a list");
    let word = |event: &Value| event["content"]["body"].as_str().or(event["type"].as_str()).map(str::to_owned);
    notifications.iter().map(|notification| word(&notification["event"]).expect("an event")).collect()
}

async fn send(hub: &TestHub, token: &str, room: &str, txn_id: &str, content: Value) -> String {
    let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/{txn_id}", encode(room));
    hub.put(&path, token, content).await.ok()["event_id"].as_str().expect("an id").to_owned()
}

async fn read(hub: &TestHub, token: &str, room: &str, event_id: &str, body: Value) {
    let path = format!("/_matrix/client/v3/rooms/{}/receipt/m.read/{}", encode(room), encode(event_id));
    hub.post(&path, token, body).await.ok();
}

#[tokio::test]
async fn what_notified_is_listed_the_newest_first_and_in_pages() {
    let hub = TestHub::start().await;
    let ((alice_id, alice), (_, bob), (carol_id, carol)) =
        (hub.user("alice").await, hub.user("bob").await, hub.user("carol").await);
    let room = create(&hub, &bob, json!({ "preset": "public_chat" })).await;
    send_text(&hub, &bob, &room, "t0", "before alice").await;
    let body = json!({ "user_id": alice_id });
    hub.post(&format!("/_matrix/client/v3/rooms/{}/invite", encode(&room)), &bob, body).await.ok();
    for token in [&alice, &carol] {
        hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), token, json!({})).await.ok();
    }
    let first = send_text(&hub, &bob, &room, "t1", "one").await;
    send(&hub, &bob, &room, "t2", json!({ "msgtype": "m.notice", "body": "for nobody" })).await;
    let mention = json!({ "msgtype": "m.text", "body": "alice!", "m.mentions": { "user_ids": [alice_id] } });
    send(&hub, &bob, &room, "t3", mention).await;
    send_text(&hub, &alice, &room, "t4", "her own").await;
    send_text(&hub, &carol, &room, "t5", "ignored").await;
    let regretted = send_text(&hub, &bob, &room, "t6", "regretted").await;
    let path = format!("/_matrix/client/v3/rooms/{}/redact/{}/t7", encode(&room), encode(&regretted));
    hub.put(&path, &bob, json!({})).await.ok();
    let relation = json!({ "rel_type": "m.thread", "event_id": first });
    let in_thread = json!({ "msgtype": "m.text", "body": "in a thread", "m.relates_to": relation });
    let threaded = send(&hub, &bob, &room, "t8", in_thread).await;
    let ignore = json!({ "ignored_users": { carol_id: {} } });
    let path = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", encode(alice_id.as_str()));
    hub.put(&path, &alice, ignore).await.ok();

    let all = list(&hub, &alice, "").await;
    assert_eq!(words(&all), ["in a thread", "alice!", "one", "m.room.member"]);
    assert!(all.get("next_token").is_none(), "{all}");
    let oldest = &all["notifications"][3];
    assert_eq!(oldest["room_id"], room);
    assert_eq!(oldest["event"]["room_id"], room);
    assert_eq!(oldest["read"], false);
    assert!(oldest["ts"].is_u64(), "{oldest}");
    assert_eq!(oldest["actions"][0], "notify");
    assert_eq!(words(&list(&hub, &alice, "only=highlight").await), ["alice!"]);

    read(&hub, &alice, &room, &first, json!({})).await;
    read(&hub, &alice, &room, &threaded, json!({ "thread_id": first })).await;
    let mut pages = Vec::new();
    let mut query = "limit=1".to_owned();
    loop {
        let page = list(&hub, &alice, &query).await;
        let told = page["notifications"].as_array().cloned().unwrap_or_default();
        pages.extend(words(&page).into_iter().zip(told.into_iter().map(|told| told["read"].clone())));
        let Some(next) = page["next_token"].as_str() else { break };
        query = format!("limit=1&from={next}");
    }
    let expected = [("in a thread", true), ("alice!", false), ("one", true), ("m.room.member", true)];
    assert_eq!(pages, expected.map(|(word, read)| (word.to_owned(), json!(read))));

    hub.get(&format!("{NOTIFICATIONS}?from=soon"), &alice).await.refused(400, "M_INVALID_PARAM");
    hub.get(NOTIFICATIONS, "").await.refused(401, "M_MISSING_TOKEN");
    hub.post(&format!("/_matrix/client/v3/rooms/{}/leave", encode(&room)), &alice, json!({})).await.ok();
    assert_eq!(words(&list(&hub, &alice, "").await), Vec::<String>::new());
}

#[tokio::test]
async fn a_rule_of_ones_own_is_told_with_its_actions() {
    let hub = TestHub::start().await;
    let ((alice_id, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(&hub, &bob, json!({ "invite": [alice_id], "is_direct": true })).await;
    let invited = list(&hub, &alice, "").await;
    assert_eq!(words(&invited), ["m.room.member"], "an invitation that waits");
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), &alice, json!({})).await.ok();
    let rule = json!({ "actions": ["notify", { "set_tweak": "sound", "value": "whistle" }], "pattern": "tea" });
    hub.put("/_matrix/client/v3/pushrules/global/content/tea", &alice, rule).await.ok();
    send_text(&hub, &bob, &room, "t1", "tea?").await;
    let told = list(&hub, &alice, "limit=1").await;
    let actions = &told["notifications"][0]["actions"];
    assert_eq!(*actions, json!(["notify", { "set_tweak": "sound", "value": "whistle" }]));
}
