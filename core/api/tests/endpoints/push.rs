use std::time::Duration;

use causeway_emulators::push_gateway::PushGateway;
use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text};

const LIMIT: Duration = Duration::from_secs(20);

const RULES: &str = "/_matrix/client/v3/pushrules";

#[tokio::test]
async fn rules_are_changed_and_defaults_stay() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let all = hub.get(&format!("{RULES}/"), &token).await.ok();
    assert_eq!(all["global"]["override"][0]["rule_id"], ".m.rule.master");
    let rule = format!("{RULES}/global/content/tea");
    hub.get(&rule, &token).await.refused(404, "M_NOT_FOUND");
    hub.put(&rule, &token, json!({ "actions": ["notify"], "pattern": "tea" })).await.ok();
    assert_eq!(hub.get(&rule, &token).await.ok()["pattern"], "tea");
    hub.put(&format!("{rule}/enabled"), &token, json!({ "enabled": false })).await.ok();
    assert_eq!(hub.get(&format!("{rule}/enabled"), &token).await.ok(), json!({ "enabled": false }));
    hub.put(&format!("{rule}/actions"), &token, json!({ "actions": [] })).await.ok();
    assert_eq!(hub.get(&format!("{rule}/actions"), &token).await.ok(), json!({ "actions": [] }));
    hub.call("DELETE", &rule, &token, "").await.ok();
    hub.get(&rule, &token).await.refused(404, "M_NOT_FOUND");
    let master = format!("{RULES}/global/override/.m.rule.master");
    hub.call("DELETE", &master, &token, "").await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn pusher_is_kept_and_removed_by_a_kind_of_null() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let mut pusher = json!({
        "app_id": "app", "pushkey": "key", "kind": "http", "app_display_name": "App", "device_display_name": "Phone",
        "lang": "en", "data": { "url": "https://push.test/_matrix/push/v1/notify" },
    });
    hub.post("/_matrix/client/v3/pushers/set", &token, pusher.clone()).await.ok();
    assert_eq!(hub.get("/_matrix/client/v3/pushers", &token).await.ok(), json!({ "pushers": [pusher] }));
    pusher["kind"] = json!(null);
    hub.post("/_matrix/client/v3/pushers/set", &token, pusher).await.ok();
    assert_eq!(hub.get("/_matrix/client/v3/pushers", &token).await.ok(), json!({ "pushers": [] }));
    assert_eq!(hub.get("/_matrix/client/v3/notifications", &token).await.ok(), json!({ "notifications": [] }));
}

fn pusher(gateway: &PushGateway, key: &str, format: Option<&str>) -> Value {
    let mut data = json!({ "url": gateway.url(), "brand": "x" });
    if let Some(format) = format {
        data["format"] = json!(format);
    }
    json!({
        "app_id": "app", "pushkey": key, "kind": "http", "app_display_name": "App", "device_display_name": "Phone",
        "lang": "en", "data": data,
    })
}

/// Alice has a pusher, Bob talks to her in a room of two.
async fn pushed_to(hub: &TestHub, pusher: Value) -> (String, String, String) {
    let ((alice_id, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(hub, &bob, json!({ "name": "Tea", "invite": [alice_id] })).await;
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), &alice, json!({})).await.ok();
    hub.post("/_matrix/client/v3/pushers/set", &alice, pusher).await.ok();
    (alice, bob, room)
}

#[tokio::test]
async fn message_goes_to_the_gateway_with_its_room_and_the_unread_count() {
    let (hub, gateway) = (TestHub::start().await, PushGateway::start().expect("a gateway"));
    let (alice, bob, room) = pushed_to(&hub, pusher(&gateway, "key", None)).await;
    let event_id = send_text(&hub, &bob, &room, "t1", "tea?").await;
    // one's own words, and what no rule notifies of
    send_text(&hub, &alice, &room, "t2", "yes").await;
    let notice = json!({ "msgtype": "m.notice", "body": "kettle on" });
    hub.put(&format!("/_matrix/client/v3/rooms/{}/send/m.room.message/t3", encode(&room)), &bob, notice).await.ok();
    let second = send_text(&hub, &bob, &room, "t4", "with milk?").await;

    let told = gateway.wait_for(2, LIMIT).await.expect("two notifications");
    assert_eq!(told[0]["event_id"], *event_id);
    assert_eq!(told[0]["room_id"], *room);
    assert_eq!((&told[0]["type"], &told[0]["sender"]), (&json!("m.room.message"), &json!("@bob:hub.test")));
    assert_eq!((&told[0]["room_name"], &told[0]["sender_display_name"]), (&json!("Tea"), &json!("bob")));
    assert_eq!(told[0]["content"]["body"], "tea?");
    // a room of two is a chat, whose default rule has a sound
    assert_eq!(told[0]["prio"], "high");
    let device = &told[0]["devices"][0];
    assert_eq!((&device["app_id"], &device["pushkey"]), (&json!("app"), &json!("key")));
    assert_eq!(device["data"], json!({ "brand": "x" }), "the URL is not the gateway's affair");
    assert_eq!(device["tweaks"]["sound"], "default");
    assert_eq!(told[1]["event_id"], *second);
    assert_eq!(told[1]["counts"]["unread"], 1, "rooms are counted");

    let path = format!("/_matrix/client/v3/rooms/{}/receipt/m.read/{}", encode(&room), encode(&second));
    hub.post(&path, &alice, json!({})).await.ok();
    let told = gateway.wait_for(3, LIMIT).await.expect("the badge");
    assert_eq!(told[2]["counts"]["unread"], 0);
    assert!(told[2].get("event_id").is_none(), "{}", told[2]);
}

#[tokio::test]
async fn invite_is_pushed_and_a_pusher_may_want_ids_only() {
    let (hub, gateway) = (TestHub::start().await, PushGateway::start().expect("a gateway"));
    let ((alice_id, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    hub.post("/_matrix/client/v3/pushers/set", &alice, pusher(&gateway, "all", None)).await.ok();
    hub.post("/_matrix/client/v3/pushers/set", &alice, pusher(&gateway, "ids", Some("event_id_only"))).await.ok();
    let room = create(&hub, &bob, json!({ "invite": [alice_id] })).await;
    let told = gateway.wait_for(2, LIMIT).await.expect("both pushers");
    let of = |key: &str| told.iter().find(|told| told["devices"][0]["pushkey"] == *key).expect("its notification");
    assert_eq!(of("all")["user_is_target"], true);
    assert_eq!(of("all")["content"]["membership"], "invite");
    assert_eq!(of("ids")["room_id"], *room);
    for absent in ["type", "sender", "content", "room_name"] {
        assert!(of("ids").get(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn gateway_that_fails_is_tried_again_and_one_that_rejects_loses_the_pusher() {
    let (hub, gateway) = (TestHub::start().await, PushGateway::start().expect("a gateway"));
    let (alice, bob, room) = pushed_to(&hub, pusher(&gateway, "key", None)).await;
    gateway.answer(Some(503));
    let first = send_text(&hub, &bob, &room, "t1", "one").await;
    let second = send_text(&hub, &bob, &room, "t2", "two").await;
    let mut tries = tokio::time::interval(Duration::from_millis(20));
    while gateway.refused() == 0 {
        tries.tick().await;
    }
    gateway.answer(None);
    let told = gateway.wait_for(2, LIMIT).await.expect("what had failed");
    assert_eq!((&told[0]["event_id"], &told[1]["event_id"]), (&json!(first), &json!(second)));

    gateway.reject("key");
    send_text(&hub, &bob, &room, "t3", "three").await;
    let mut tries = tokio::time::interval(Duration::from_millis(20));
    while hub.get("/_matrix/client/v3/pushers", &alice).await.ok() != json!({ "pushers": [] }) {
        tries.tick().await;
    }
}

#[tokio::test]
async fn pusher_goes_with_its_device_and_bad_ones_are_refused() {
    let (hub, gateway) = (TestHub::start().await, PushGateway::start().expect("a gateway"));
    let (alice, bob, room) = pushed_to(&hub, pusher(&gateway, "key", None)).await;
    let other = hub.log_in("alice").await;
    hub.post("/_matrix/client/v3/pushers/set", &other, pusher(&gateway, "other", None)).await.ok();
    hub.post("/_matrix/client/v3/logout", &alice, json!({})).await.ok();
    let left = hub.get("/_matrix/client/v3/pushers", &other).await.ok();
    assert_eq!(left["pushers"][0]["pushkey"], "other");
    assert_eq!(left["pushers"].as_array().map(Vec::len), Some(1));
    send_text(&hub, &bob, &room, "t1", "hello").await;
    let told = gateway.wait_for(1, LIMIT).await.expect("a notification");
    assert_eq!(told[0]["devices"][0]["pushkey"], "other");

    let set = "/_matrix/client/v3/pushers/set";
    let mut bad = pusher(&gateway, "key", None);
    bad["data"]["url"] = json!("http://push.test/elsewhere");
    hub.post(set, &other, bad.clone()).await.refused(400, "M_INVALID_PARAM");
    bad["data"] = json!({});
    hub.post(set, &other, bad).await.refused(400, "M_BAD_JSON");
}
