//! What an appservice that encrypts is told in its transactions.

use std::time::Duration;

use causeway_emulators::appservice::{Behavior, RecordingAppservice};
use serde_json::{Map, Value, json};

use super::hub::{TestHub, create, encode, send_text};

const LIMIT: Duration = Duration::from_secs(20);
/// More than fit into one transaction.
const COUNT: i64 = 110;
const BOT: &str = "@ircbot:hub.test";

/// A bot with a device and keys, in an encrypted room with one person.
struct Scene {
    hub: TestHub,
    appservice: RecordingAppservice,
    alice: String,
    room: String,
}

/// `?user_id=` and `?device_id=` of the bot.
fn as_bot(path: &str) -> String {
    format!("{path}?user_id={BOT}&device_id=BRIDGE&org.matrix.msc3202.device_id=BRIDGE")
}

fn device_keys(user: &str, device: &str) -> Value {
    json!({ "user_id": user, "device_id": device, "algorithms": [], "keys": {}, "signatures": {} })
}

impl Scene {
    async fn set() -> Self {
        let hub = TestHub::start().await;
        let more = "org.matrix.msc3202: true\nio.element.msc4190: true\n";
        let appservice = hub.appservice("irc", |file| format!("{file}{more}")).await;
        let (_, alice) = hub.user("alice").await;
        let path = format!("/_matrix/client/v3/devices/BRIDGE?user_id={BOT}");
        assert_eq!(hub.put(&path, appservice.as_token(), json!({})).await.status, 201);
        let keys: Map<String, Value> = (0..3)
            .map(|number| (format!("signed_curve25519:{number}"), json!({ "key": number.to_string() })))
            .collect();
        let fallback = json!({ "signed_curve25519:F": { "key": "f", "fallback": true } });
        let body = json!({
            "device_keys": device_keys(BOT, "BRIDGE"), "one_time_keys": keys, "fallback_keys": fallback,
        });
        hub.post(&as_bot("/_matrix/client/v3/keys/upload"), appservice.as_token(), body).await.ok();
        let encryption = json!({
            "type": "m.room.encryption", "state_key": "", "content": { "algorithm": "m.megolm.v1.aes-sha2" },
        });
        let body = json!({ "preset": "private_chat", "invite": [BOT], "initial_state": [encryption] });
        let room = create(&hub, &alice, body).await;
        hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), appservice.as_token(), json!({})).await.ok();
        Self { hub, appservice, alice, room }
    }

    async fn send(&self, txn_id: &str, number: i64) {
        let messages = json!({ "messages": { BOT: { "BRIDGE": { "n": number } } } });
        let path = format!("/_matrix/client/v3/sendToDevice/m.test/{txn_id}");
        self.hub.put(&path, &self.alice, messages).await.ok();
    }

    async fn until(&self, what: &str, holds: impl Fn(&RecordingAppservice) -> bool) {
        self.appservice.wait_until(what, LIMIT, holds).await.unwrap_or_else(|error| {
            let bodies: Vec<_> = self.appservice.transactions().into_iter().map(|came| came.body).collect();
            panic!("{error}: {bodies:#?}");
        });
    }

    /// One-time keys of the bot, as told last.
    fn count(&self) -> Option<Value> {
        let parts = self.appservice.parts("org.matrix.msc3202.device_one_time_keys_count");
        parts.last().map(|counts| counts[BOT]["BRIDGE"]["signed_curve25519"].clone())
    }

    fn numbers(&self) -> Vec<i64> {
        self.appservice.to_device().iter().filter_map(|message| message["content"]["n"].as_i64()).collect()
    }
}

#[tokio::test]
async fn key_counts_come_under_every_spelling_when_they_change() {
    let scene = Scene::set().await;
    scene.until("the keys", |_| scene.count() == Some(json!(3))).await;
    let claim = json!({ "one_time_keys": { BOT: { "BRIDGE": "signed_curve25519" } } });
    for left in [2, 1, 0] {
        scene.hub.post("/_matrix/client/v3/keys/claim", &scene.alice, claim.clone()).await.ok();
        scene.until("one less", |_| scene.count() == Some(json!(left))).await;
    }
    let unused = |key: &str| scene.appservice.parts(key).last().map(|told| told[BOT]["BRIDGE"].clone());
    assert_eq!(unused("org.matrix.msc3202.device_unused_fallback_key_types"), Some(json!(["signed_curve25519"])));
    scene.hub.post("/_matrix/client/v3/keys/claim", &scene.alice, claim).await.ok();
    scene.until("the fallback key to be used", |_| unused("device_unused_fallback_key_types") == Some(json!([]))).await;
    for key in ["device_one_time_keys_count", "org.matrix.msc3202.device_one_time_key_counts"] {
        assert_eq!(
            scene.appservice.parts(key).last().map(|told| told[BOT]["BRIDGE"].clone()),
            Some(json!({ "signed_curve25519": 0 }))
        );
    }
}

#[tokio::test]
async fn messages_to_devices_come_in_order_until_they_are_taken_and_then_no_more() {
    let scene = Scene::set().await;
    scene.appservice.behave(Behavior { status: Some(503), ..Behavior::default() });
    for number in 0..COUNT {
        scene.send(&format!("t{number}"), number).await;
    }
    scene.send("t0", -1).await;
    let event = send_text(&scene.hub, &scene.alice, &scene.room, "e1", "needs the keys").await;
    let tried =
        |appservice: &RecordingAppservice| appservice.transactions().iter().any(|came| came.status == Some(503));
    scene.until("a try", tried).await;
    scene.appservice.behave(Behavior::default());
    scene
        .until("everything", |appservice| {
            scene.numbers().len() >= COUNT as usize && appservice.event_ids().contains(&event)
        })
        .await;
    assert_eq!(scene.numbers(), (0..COUNT).collect::<Vec<_>>());
    let first = &scene.appservice.to_device()[0];
    let expected = json!({
        "type": "m.test", "sender": "@alice:hub.test", "content": { "n": 0 },
        "to_user_id": BOT, "to_device_id": "BRIDGE",
    });
    assert_eq!(*first, expected);
    assert_eq!(
        scene.appservice.parts("de.sorunome.msc2409.to_device").len(),
        scene.appservice.parts("to_device").len()
    );
    let taken: Vec<_> = scene.appservice.transactions().into_iter().filter(|came| came.status == Some(200)).collect();
    let keys_at = taken.iter().rposition(|came| came.body.get("to_device").is_some()).expect("messages came");
    let event_at = taken.iter().position(|came| came.event_ids.contains(&event)).expect("the event came");
    assert!(keys_at < event_at, "keys come before what they open");
    assert_eq!(scene.appservice.violations(), Vec::<String>::new());

    // Acknowledged: neither /sync nor a later transaction has them again.
    scene.send("last", 1_000).await;
    scene.until("the last one", |_| scene.numbers().last() == Some(&1_000)).await;
    assert_eq!(scene.numbers().len(), COUNT as usize + 1);
    let waiting = async || {
        let synced = scene.hub.get(&as_bot("/_matrix/client/v3/sync"), scene.appservice.as_token()).await.ok();
        synced["to_device"]["events"].as_array().map_or(0, Vec::len)
    };
    let begun = std::time::Instant::now();
    while waiting().await > 0 {
        assert!(begun.elapsed() < LIMIT, "{} messages are kept for nobody", waiting().await);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn changed_devices_of_people_it_shares_rooms_with_are_named() {
    let scene = Scene::set().await;
    let (_, bob) = scene.hub.user("bob").await;
    let named = |key: &str, list: &str, user: &str| {
        let told = scene.appservice.parts(key);
        told.iter().filter(|lists| lists[list].as_array().is_some_and(|users| users.contains(&json!(user)))).count()
    };
    let changed = |user: &str| named("org.matrix.msc3202.device_lists", "changed", user);
    scene.until("alice, whose room the bot entered", |_| changed("@alice:hub.test") == 1).await;
    let upload = async |user: &str, token: &str| {
        let whoami = scene.hub.get("/_matrix/client/v3/account/whoami", token).await.ok();
        let keys = device_keys(user, whoami["device_id"].as_str().expect("a device"));
        scene.hub.post("/_matrix/client/v3/keys/upload", token, json!({ "device_keys": keys })).await.ok();
    };
    upload("@alice:hub.test", &scene.alice).await;
    scene.until("alice's keys", |_| changed("@alice:hub.test") == 2).await;
    upload("@bob:hub.test", &bob).await;
    let invite = format!("/_matrix/client/v3/rooms/{}/invite", encode(&scene.room));
    scene.hub.post(&invite, &scene.alice, json!({ "user_id": "@bob:hub.test" })).await.ok();
    scene.send("before", 1).await;
    scene.until("what came after bob's keys", |_| scene.numbers() == [1]).await;
    assert_eq!(changed("@bob:hub.test"), 0, "no room is shared with bob");
    let room = encode(&scene.room);
    scene.hub.post(&format!("/_matrix/client/v3/join/{room}"), &bob, json!({})).await.ok();
    scene.until("bob, who came", |_| changed("@bob:hub.test") == 1).await;
    scene.hub.post(&format!("/_matrix/client/v3/rooms/{room}/leave"), &bob, json!({})).await.ok();
    scene.until("bob, who went", |_| named("device_lists", "left", "@bob:hub.test") == 1).await;
}

#[tokio::test]
async fn devices_of_people_are_told_too_but_kept_for_their_own_clients() {
    let hub = TestHub::start().await;
    let namespace = "  - regex: '@alice:.*'\n    exclusive: false\n  aliases:";
    let appservice = hub
        .appservice("irc", |file| format!("{}org.matrix.msc3202: true\n", file.replace("  aliases:", namespace)))
        .await;
    let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let messages = json!({ "messages": { "@alice:hub.test": { "*": { "n": 1 } } } });
    hub.put("/_matrix/client/v3/sendToDevice/m.test/t1", &bob, messages).await.ok();
    appservice.wait_until("the copy", LIMIT, |appservice| appservice.to_device().len() == 1).await.expect("a copy");
    let synced = hub.get("/_matrix/client/v3/sync", &alice).await.ok();
    assert_eq!(synced["to_device"]["events"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn appservice_that_does_not_encrypt_hears_nothing_of_devices() {
    let hub = TestHub::start().await;
    let appservice = hub.appservice("irc", |file| file).await;
    let (_, alice) = hub.user("alice").await;
    let device = "/_matrix/client/v3/devices/OLD?user_id=@ircbot:hub.test";
    hub.put(device, appservice.as_token(), json!({})).await.ok();
    let messages = json!({ "messages": { BOT: { "*": { "n": 1 } } } });
    hub.put("/_matrix/client/v3/sendToDevice/m.test/t1", &alice, messages).await.ok();
    let room = create(&hub, &alice, json!({ "invite": [BOT] })).await;
    let last = send_text(&hub, &alice, &room, "t1", "the end").await;
    let told = appservice.wait_until("the end", LIMIT, |appservice| appservice.event_ids().contains(&last));
    told.await.expect("events come");
    assert!(appservice.to_device().is_empty());
    let path = format!("/_matrix/client/v3/sync?user_id={BOT}&device_id=OLD");
    let synced = hub.get(&path, appservice.as_token()).await.ok();
    assert_eq!(synced["to_device"]["events"].as_array().map(Vec::len), Some(1), "its bot syncs");
}
