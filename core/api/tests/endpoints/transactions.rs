use std::time::Duration;

use causeway_emulators::appservice::RecordingAppservice;
use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text};

const LIMIT: Duration = Duration::from_secs(20);

/// One person and one ghost in a room.
struct Scene {
    hub: TestHub,
    appservice: RecordingAppservice,
    alice: String,
    ghost: String,
    room: String,
}

impl Scene {
    async fn set() -> Self {
        let hub = TestHub::start().await;
        let appservice = hub.appservice("irc", |file| file).await;
        let (_, alice) = hub.user("alice").await;
        let ghost = hub.ghost(appservice.as_token(), "irc_a").await;
        let room = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
        let path = format!("/_matrix/client/v3/join/{}?user_id={ghost}", encode(&room));
        hub.post(&path, appservice.as_token(), json!({})).await.ok();
        Self { hub, appservice, alice, ghost, room }
    }

    fn path(&self, rest: &str) -> String {
        format!("/_matrix/client/v3/rooms/{}/{rest}", encode(&self.room))
    }

    async fn told(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let find = |appservice: &RecordingAppservice| appservice.ephemeral().into_iter().find(|event| is(event));
        let told = self.appservice.wait_until(what, LIMIT, |appservice| find(appservice).is_some());
        told.await.unwrap_or_else(|error| panic!("{error}; it was told {:?}", self.appservice.ephemeral()));
        find(&self.appservice).expect("it was just there")
    }
}

#[tokio::test]
async fn typing_receipts_and_presence_come_as_the_specification_words_them() {
    let scene = Scene::set().await;
    let typing = scene.path("typing/@alice:hub.test");
    scene.hub.put(&typing, &scene.alice, json!({ "typing": true, "timeout": 30000 })).await.ok();
    let told = scene.told("typing", |event| event["type"] == "m.typing").await;
    let expected = json!({
        "type": "m.typing", "room_id": scene.room, "content": { "user_ids": ["@alice:hub.test"] },
    });
    assert_eq!(told, expected);

    let event = send_text(&scene.hub, &scene.alice, &scene.room, "t1", "hello").await;
    let receipt = scene.path(&format!("receipt/m.read/{}", encode(&event)));
    scene.hub.post(&receipt, &scene.alice, json!({ "thread_id": "main" })).await.ok();
    let told = scene.told("a receipt", |event| event["type"] == "m.receipt").await;
    assert_eq!(told["room_id"], *scene.room);
    assert_eq!(told["content"][&event]["m.read"]["@alice:hub.test"]["thread_id"], "main", "{told}");

    let status = "/_matrix/client/v3/presence/@alice:hub.test/status";
    let body = json!({ "presence": "unavailable", "status_msg": "at lunch" });
    scene.hub.put(status, &scene.alice, body).await.ok();
    let told = scene.told("presence", |event| event["type"] == "m.presence").await;
    assert_eq!((&told["sender"], told.get("room_id")), (&json!("@alice:hub.test"), None));
    assert_eq!(
        (&told["content"]["presence"], &told["content"]["status_msg"]),
        (&json!("unavailable"), &json!("at lunch"))
    );
    let status = format!("/_matrix/client/v3/presence/{0}/status?user_id={0}", scene.ghost);
    scene.hub.put(&status, scene.appservice.as_token(), json!({ "presence": "online" })).await.ok();
    scene.told("its own user's presence", |event| event["sender"] == *scene.ghost).await;
    assert_eq!(scene.appservice.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn private_receipts_are_told_to_their_owners_appservice_only() {
    let scene = Scene::set().await;
    let event = send_text(&scene.hub, &scene.alice, &scene.room, "t1", "hello").await;
    let receipt = scene.path(&format!("receipt/m.read.private/{}", encode(&event)));
    scene.hub.post(&receipt, &scene.alice, json!({})).await.ok();
    let own = format!("{receipt}?user_id={}", scene.ghost);
    scene.hub.post(&own, scene.appservice.as_token(), json!({})).await.ok();
    let told = scene.told("the ghost's receipt", |event| event["type"] == "m.receipt").await;
    assert_eq!(told["content"][&event]["m.read.private"].as_object().map(|users| users.len()), Some(1));
    assert!(!json!(scene.appservice.ephemeral()).to_string().contains("@alice:hub.test"), "alice's is her own affair");
}

#[tokio::test]
async fn rooms_that_it_does_not_see_are_not_told_and_one_that_asks_for_nothing_gets_nothing() {
    let scene = Scene::set().await;
    let deaf = scene.hub.appservice("deaf", |file| file.replace("ephemeral: true", "ephemeral: false")).await;
    let ghost = scene.hub.ghost(deaf.as_token(), "deaf_a").await;
    let elsewhere = create(&scene.hub, &scene.alice, json!({ "invite": [ghost] })).await;
    for room in [&elsewhere, &scene.room] {
        let typing = format!("/_matrix/client/v3/rooms/{}/typing/@alice:hub.test", encode(room));
        scene.hub.put(&typing, &scene.alice, json!({ "typing": true, "timeout": 30000 })).await.ok();
    }
    scene.told("typing", |event| event["room_id"] == *scene.room).await;
    let last = send_text(&scene.hub, &scene.alice, &elsewhere, "t1", "the end").await;
    deaf.wait_until("the end", LIMIT, |deaf| deaf.event_ids().contains(&last)).await.expect("events come");
    assert!(deaf.ephemeral().is_empty());
    assert!(scene.appservice.ephemeral().iter().all(|event| event["room_id"] != *elsewhere));
}

#[tokio::test]
async fn receipts_that_came_while_it_was_away_are_told_on_its_return() {
    let scene = Scene::set().await;
    let event = send_text(&scene.hub, &scene.alice, &scene.room, "t1", "hello").await;
    let heard = scene.appservice.wait_until("hello", LIMIT, |appservice| appservice.event_ids().contains(&event));
    heard.await.expect("the message");
    scene.appservice.stop();
    let later = send_text(&scene.hub, &scene.alice, &scene.room, "t2", "while away").await;
    let receipt = scene.path(&format!("receipt/m.read/{}", encode(&later)));
    scene.hub.post(&receipt, &scene.alice, json!({})).await.ok();
    scene.appservice.restart().await.expect("the same port");
    let told = scene.told("the receipt", |event| event["type"] == "m.receipt").await;
    assert!(told["content"][&later]["m.read"].is_object(), "{told}");
    assert!(scene.appservice.event_ids().contains(&later));
}
