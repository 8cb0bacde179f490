use std::collections::HashSet;
use std::sync::Arc;

use causeway_room::SigningKey;
use causeway_store::Position;
use ruma::{CanonicalJsonObject, OwnedDeviceId, OwnedUserId};
use serde_json::{Map, Value, json};

use super::hub::{TestHub, create, encode, sync};

const UPLOAD: &str = "/_matrix/client/v3/keys/upload";
const CLAIM: &str = "/_matrix/client/v3/keys/claim";

async fn device_of(hub: &TestHub, token: &str) -> (OwnedUserId, OwnedDeviceId) {
    let whoami = hub.get("/_matrix/client/v3/account/whoami", token).await.ok();
    let text = |key: &str| whoami[key].as_str().expect("a text").to_owned();
    (text("user_id").try_into().expect("a user id"), text("device_id").into())
}

#[tokio::test]
async fn device_keys_are_found_and_foreign_ones_refused() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let (_, bob) = hub.user("bob").await;
    let (user, device) = device_of(&hub, &token).await;
    let keys = json!({ "user_id": user, "device_id": device, "algorithms": [], "keys": {}, "signatures": {}, "x": 1 });
    let counts = hub.post(UPLOAD, &token, json!({ "device_keys": keys })).await.ok();
    assert_eq!(counts, json!({ "one_time_key_counts": { "signed_curve25519": 0 } }));
    hub.post(UPLOAD, &bob, json!({ "device_keys": keys })).await.refused(400, "M_INVALID_PARAM");
    let query = json!({ "device_keys": { (user.as_str()): [] } });
    let found = hub.post("/_matrix/client/v3/keys/query", &bob, query).await.ok();
    assert_eq!(found["device_keys"][user.as_str()][device.as_str()], keys);
}

#[tokio::test]
async fn one_time_key_is_claimed_once_and_then_the_fallback() {
    let hub = Arc::new(TestHub::start().await);
    let (_, token) = hub.user("alice").await;
    let (user, device) = device_of(&hub, &token).await;
    let keys: Map<String, Value> =
        (0..8).map(|id| (format!("signed_curve25519:{id}"), json!({ "key": id.to_string() }))).collect();
    let fallback = json!({ "signed_curve25519:F": { "key": "f", "fallback": true } });
    let body = json!({ "one_time_keys": keys, "fallback_keys": fallback });
    let counts = hub.post(UPLOAD, &token, body).await.ok();
    assert_eq!(counts["one_time_key_counts"]["signed_curve25519"], 8);
    let changed = json!({ "one_time_keys": { "signed_curve25519:0": { "key": "other" } } });
    hub.post(UPLOAD, &token, changed).await.refused(400, "M_UNKNOWN");

    let mut claims = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (hub, token) = (Arc::clone(&hub), token.clone());
        let (user, device) = (user.to_string(), device.to_string());
        claims.spawn(async move {
            let body = json!({ "one_time_keys": { (&user): { (&device): "signed_curve25519" } } });
            let claimed = hub.post(CLAIM, &token, body).await.ok();
            let keys = claimed["one_time_keys"][&user][&device].as_object().expect("a key").clone();
            keys.keys().next().expect("one key").clone()
        });
    }
    let claimed = claims.join_all().await;
    let fallbacks = claimed.iter().filter(|key| *key == "signed_curve25519:F").count();
    assert_eq!(fallbacks, 2, "{claimed:?}");
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), 9, "{claimed:?}");
    let unused = hub.api.keys.unused_fallback(&user, device.as_str()).await.expect("a read");
    assert!(unused.is_empty());
}

const SIGNING: &str = "/_matrix/client/v3/keys/device_signing/upload";
const SIGNATURES: &str = "/_matrix/client/v3/keys/signatures/upload";
const QUERY: &str = "/_matrix/client/v3/keys/query";

/// A cross-signing key of a user, and what is uploaded of it.
fn cross_signing(seed: u8, user: &str, usage: &str) -> (SigningKey, Value) {
    let key = SigningKey::generate([seed; 32], "x").expect("a key");
    let public = key.public_key();
    let object = json!({ "user_id": user, "usage": [usage], "keys": { (format!("ed25519:{public}")): public } });
    (key, object)
}

/// Adds the signature of `user`'s key to an object; `id` none: the key is a cross-signing one.
fn sign(object: &Value, user: &str, key: &SigningKey, id: Option<&str>) -> Value {
    let mut bare: CanonicalJsonObject = serde_json::from_value(object.clone()).expect("canonical JSON");
    bare.remove("signatures");
    key.sign_json(user, &mut bare).expect("a signature");
    let mut signed = object.clone();
    let id = format!("ed25519:{}", id.map_or_else(|| key.public_key(), str::to_owned));
    let made = serde_json::to_value(&bare["signatures"]).expect("JSON");
    signed["signatures"][user][id] = made[user]["ed25519:x"].clone();
    signed
}

#[tokio::test]
async fn first_cross_signing_keys_need_no_password_and_others_do() {
    let hub = TestHub::start().await;
    let (user, token) = hub.user("alice").await;
    let (secret, master) = cross_signing(1, user.as_str(), "master");
    let (other, other_master) = cross_signing(2, user.as_str(), "master");
    let own = sign(&cross_signing(3, user.as_str(), "self_signing").1, user.as_str(), &secret, None);
    let keys = json!({ "master_key": master, "self_signing_key": own });
    hub.post(SIGNING, &token, json!({ "self_signing_key": own })).await.refused(400, "M_MISSING_PARAM");
    for _ in 0..2 {
        hub.post(SIGNING, &token, keys.clone()).await.ok();
    }
    let challenge = hub.post(SIGNING, &token, json!({ "master_key": other_master })).await;
    assert_eq!(challenge.status, 401);
    let session = challenge.json()["session"].clone();
    let identifier = json!({ "type": "m.id.user", "user": "alice" });
    let auth = json!({
        "type": "m.login.password", "identifier": identifier, "password": "password", "session": session,
    });
    let own = sign(&cross_signing(3, user.as_str(), "self_signing").1, user.as_str(), &other, None);
    let keys = json!({ "master_key": other_master, "self_signing_key": own, "auth": auth });
    hub.post(SIGNING, &token, keys).await.ok();
    let found = hub.post(QUERY, &token, json!({ "device_keys": { (user.as_str()): [] } })).await.ok();
    assert_eq!(found["master_keys"][user.as_str()], other_master);
    assert_eq!(found["self_signing_keys"][user.as_str()], own);
}

#[tokio::test]
async fn cross_signing_keys_that_are_not_what_they_say_are_refused() {
    let hub = TestHub::start().await;
    let (user, token) = hub.user("alice").await;
    let (secret, master) = cross_signing(1, user.as_str(), "master");
    let (_, of_bob) = cross_signing(1, "@bob:hub.test", "master");
    hub.post(SIGNING, &token, json!({ "master_key": of_bob })).await.refused(400, "M_INVALID_PARAM");
    let (_, wrong_usage) = cross_signing(1, user.as_str(), "self_signing");
    hub.post(SIGNING, &token, json!({ "master_key": wrong_usage })).await.refused(400, "M_INVALID_PARAM");
    let two = json!({ "ed25519:A": "A", "ed25519:B": "B" });
    let two = json!({ "user_id": user, "usage": ["master"], "keys": two });
    hub.post(SIGNING, &token, json!({ "master_key": two })).await.refused(400, "M_INVALID_PARAM");
    let (stranger, _) = cross_signing(9, user.as_str(), "master");
    let (_, own) = cross_signing(2, user.as_str(), "self_signing");
    for own in [&own, &sign(&own, user.as_str(), &stranger, None)] {
        let keys = json!({ "master_key": master, "self_signing_key": own });
        hub.post(SIGNING, &token, keys).await.refused(400, "M_INVALID_SIGNATURE");
    }
    let mut changed = sign(&own, user.as_str(), &secret, None);
    changed["more"] = json!(1);
    let keys = json!({ "master_key": master, "self_signing_key": changed });
    hub.post(SIGNING, &token, keys).await.refused(400, "M_INVALID_SIGNATURE");
    let found = hub.post(QUERY, &token, json!({ "device_keys": { (user.as_str()): [] } })).await.ok();
    assert_eq!(found["master_keys"], json!({}));
}

#[tokio::test]
async fn signatures_are_checked_and_shown_to_whom_they_concern() {
    let hub = TestHub::start().await;
    let ((alice_id, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let (_, carol) = hub.user("carol").await;
    let (alice_id, bob_id) = (alice_id.as_str(), bob_id.as_str());
    let (alice_secret, alice_master) = cross_signing(1, alice_id, "master");
    let (alice_self, own) = cross_signing(2, alice_id, "self_signing");
    let own = sign(&own, alice_id, &alice_secret, None);
    hub.post(SIGNING, &alice, json!({ "master_key": alice_master, "self_signing_key": own })).await.ok();
    let (bob_secret, bob_master) = cross_signing(3, bob_id, "master");
    let (bob_user, of_bob) = cross_signing(4, bob_id, "user_signing");
    let of_bob = sign(&of_bob, bob_id, &bob_secret, None);
    hub.post(SIGNING, &bob, json!({ "master_key": bob_master, "user_signing_key": of_bob })).await.ok();

    let public = alice_secret.public_key();
    let upload = async |token: &str, key: &str, object: &Value| {
        let body = json!({ (alice_id): { (key): object } });
        hub.post(SIGNATURES, token, body).await.ok()["failures"][alice_id][key]["errcode"].clone()
    };
    let signed = sign(&alice_master, bob_id, &bob_user, None);
    assert_eq!(upload(&bob, "NOKEY", &signed).await, "M_NOT_FOUND");
    assert_eq!(upload(&bob, &public, &sign(&alice_master, bob_id, &bob_secret, None)).await, "M_INVALID_SIGNATURE");
    let mut changed = signed.clone();
    changed["usage"] = json!(["other"]);
    assert_eq!(upload(&bob, &public, &changed).await, "M_INVALID_SIGNATURE");
    let mut forged = signed.clone();
    forged["signatures"][bob_id][format!("ed25519:{}", bob_user.public_key())] = json!(public);
    assert_eq!(upload(&bob, &public, &forged).await, "M_INVALID_SIGNATURE");
    assert_eq!(upload(&bob, &public, &signed).await, Value::Null);

    let (_, device) = device_of(&hub, &alice).await;
    let keys = json!({ "user_id": alice_id, "device_id": device, "keys": { (format!("ed25519:{device}")): "D" } });
    hub.post(UPLOAD, &alice, json!({ "device_keys": keys })).await.ok();
    let signed_device = sign(&keys, alice_id, &alice_self, None);
    assert_eq!(upload(&bob, device.as_str(), &signed_device).await, "M_INVALID_SIGNATURE", "not bob's to sign");
    assert_eq!(upload(&alice, device.as_str(), &signed_device).await, Value::Null);

    let query = json!({ "device_keys": { (alice_id): [] } });
    let seen = async |token: &str| {
        let answer = hub.post(QUERY, token, query.clone()).await.ok();
        assert_eq!(answer["device_keys"][alice_id][device.as_str()]["signatures"], signed_device["signatures"]);
        answer["master_keys"][alice_id]["signatures"][bob_id].clone()
    };
    assert_eq!(seen(&bob).await, signed["signatures"][bob_id]);
    assert_eq!(seen(&carol).await, Value::Null);
}

#[tokio::test]
async fn message_to_device_is_sent_once_and_kept_until_acknowledged() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let (_, bob) = hub.user("bob").await;
    let (user, device) = device_of(&hub, &bob).await;
    let body = json!({ "messages": { (user.as_str()): { "*": { "n": 1 } } } });
    for _ in 0..2 {
        hub.put("/_matrix/client/v3/sendToDevice/m.test/txn1", &alice, body.clone()).await.ok();
    }
    hub.put("/_matrix/client/v3/sendToDevice/m.test/txn2", &alice, body).await.ok();
    let to_device = &hub.api.to_device;
    let waiting = to_device.after(&user, &device, Position(0), 100).await.expect("a read");
    assert_eq!(waiting.len(), 2);
    assert_eq!((waiting[0].message_type.as_str(), waiting[0].content.as_str()), ("m.test", r#"{"n":1}"#));
    to_device.acknowledge(&user, &device, waiting[0].position).await.expect("a commit");
    let left = to_device.after(&user, &device, Position(0), 100).await.expect("a read");
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].position, waiting[1].position);
}

#[tokio::test]
async fn claimed_key_never_comes_back_and_a_new_identity_begins_anew() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let (user, device) = device_of(&hub, &token).await;
    let identity = |key: &str| json!({ "user_id": user, "device_id": device, "keys": { "ed25519:D": key } });
    let one_time = |key: &str| json!({ "signed_curve25519:A": { "key": key } });
    let fallback = json!({ "signed_curve25519:F": { "key": "f", "fallback": true } });
    let body = json!({ "device_keys": identity("one"), "one_time_keys": one_time("a"), "fallback_keys": fallback });
    hub.post(UPLOAD, &token, body.clone()).await.ok();
    let wanted = json!({ "one_time_keys": { (user.as_str()): { (device.as_str()): "signed_curve25519" } } });
    let claim = async || {
        let claimed = hub.post(CLAIM, &token, wanted.clone()).await.ok();
        claimed["one_time_keys"][user.as_str()][device.as_str()].clone()
    };
    assert_eq!(claim().await, one_time("a"));
    assert_eq!(claim().await, fallback);
    // The answer to the upload was lost, so it comes again.
    let again = hub.post(UPLOAD, &token, body).await.ok();
    assert_eq!(again["one_time_key_counts"]["signed_curve25519"], 0);
    assert_eq!(claim().await, fallback);
    let unused = hub.api.keys.unused_fallback(&user, device.as_str()).await.expect("a read");
    assert!(unused.is_empty(), "it was used");
    hub.post(UPLOAD, &token, json!({ "one_time_keys": one_time("b") })).await.refused(400, "M_UNKNOWN");
    let anew = json!({ "device_keys": identity("two"), "one_time_keys": one_time("b") });
    hub.post(UPLOAD, &token, anew).await.ok();
    assert_eq!(claim().await, one_time("b"));
    assert_eq!(claim().await, Value::Null, "the fallback key was of the identity before");
}

#[tokio::test]
async fn sync_counts_one_time_keys_and_names_unused_fallback_keys() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let (user, device) = device_of(&hub, &token).await;
    let synced = sync(&hub, &token, "").await;
    assert_eq!(synced["device_one_time_keys_count"], json!({ "signed_curve25519": 0 }));
    assert_eq!(synced["device_unused_fallback_key_types"], json!([]));
    let keys = json!({ "signed_curve25519:A": { "key": "a" }, "curve25519:B": "b" });
    let fallback = json!({ "signed_curve25519:F": { "key": "f" } });
    hub.post(UPLOAD, &token, json!({ "one_time_keys": keys, "fallback_keys": fallback })).await.ok();
    let synced = sync(&hub, &token, "").await;
    assert_eq!(synced["device_one_time_keys_count"], json!({ "curve25519": 1, "signed_curve25519": 1 }));
    assert_eq!(synced["device_unused_fallback_key_types"], json!(["signed_curve25519"]));
    let wanted = json!({ "one_time_keys": { (user.as_str()): { (device.as_str()): "signed_curve25519" } } });
    for _ in 0..2 {
        hub.post(CLAIM, &token, wanted.clone()).await.ok();
    }
    let synced = sync(&hub, &token, "").await;
    assert_eq!(synced["device_one_time_keys_count"], json!({ "curve25519": 1, "signed_curve25519": 0 }));
    assert_eq!(synced["device_unused_fallback_key_types"], json!([]));
}

#[tokio::test]
async fn each_device_gets_its_own_messages_and_acknowledges_them_for_itself() {
    let hub = TestHub::start().await;
    let ((_, alice), (bob_id, first)) = (hub.user("alice").await, hub.user("bob").await);
    let second = hub.log_in("bob").await;
    let (_, device) = device_of(&hub, &first).await;
    let send = async |kind: &str, txn: &str, to: &str, number: i64| {
        let body = json!({ "messages": { (bob_id.as_str()): { (to): { "n": number } } } });
        hub.put(&format!("/_matrix/client/v3/sendToDevice/{kind}/{txn}"), &alice, body).await.ok();
    };
    send("m.test", "t1", "*", 1).await;
    send("m.test", "t2", device.as_str(), 2).await;
    send("m.test", "t2", device.as_str(), 99).await;
    send("m.other", "t2", "*", 3).await;
    let numbers = |synced: &Value| -> Vec<i64> {
        let events = synced["to_device"]["events"].as_array().cloned().unwrap_or_default();
        events.iter().filter_map(|event| event["content"]["n"].as_i64()).collect()
    };
    let of_first = sync(&hub, &first, "").await;
    assert_eq!(numbers(&of_first), [1, 2, 3]);
    let next = of_first["next_batch"].as_str().expect("a token");
    assert!(numbers(&sync(&hub, &first, next).await).is_empty());
    assert_eq!(numbers(&sync(&hub, &second, "").await), [1, 3], "the other device has not acknowledged");
}

#[tokio::test]
async fn messages_sent_at_once_reach_a_syncing_device_once_and_in_each_senders_order() {
    const SENDERS: usize = 4;
    const EACH: i64 = 15;
    let hub = Arc::new(TestHub::start().await);
    let (bob_id, bob) = hub.user("bob").await;
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..SENDERS {
        let (_, token) = hub.user(&format!("sender{sender}")).await;
        let (hub, bob_id) = (Arc::clone(&hub), bob_id.clone());
        senders.spawn(async move {
            for number in 0..EACH {
                let body = json!({ "messages": { (bob_id.as_str()): { "*": { "n": number } } } });
                let path = format!("/_matrix/client/v3/sendToDevice/m.test/t{number}");
                // Twice: the answer to the first may have been lost.
                let (first, again) = (hub.put(&path, &token, body.clone()), hub.put(&path, &token, body));
                let (first, again) = tokio::join!(first, again);
                first.ok();
                again.ok();
            }
        });
    }
    let mut came: std::collections::HashMap<String, Vec<i64>> = std::collections::HashMap::new();
    let (mut since, mut total, begun) = (String::new(), 0, std::time::Instant::now());
    while total < SENDERS * EACH as usize {
        let synced = sync(&hub, &bob, &format!("{since}&timeout=20000")).await;
        since = synced["next_batch"].as_str().expect("a token").to_owned();
        let events = synced["to_device"]["events"].as_array().cloned().unwrap_or_default();
        assert!(begun.elapsed() < std::time::Duration::from_secs(120), "{total} came, then {synced}");
        for event in events {
            let sender = event["sender"].as_str().expect("a sender").to_owned();
            came.entry(sender).or_default().push(event["content"]["n"].as_i64().expect("a number"));
            total += 1;
        }
    }
    while let Some(ended) = senders.join_next().await {
        ended.expect("no panic");
    }
    assert_eq!(came.len(), SENDERS);
    assert!(came.values().all(|numbers| *numbers == (0..EACH).collect::<Vec<_>>()), "{came:?}");
    assert!(sync(&hub, &bob, &since).await.get("to_device").is_none());
}

#[tokio::test]
async fn device_lists_name_those_who_change_come_and_go() {
    let hub = TestHub::start().await;
    let ((_, alice), (bob_id, bob), (_, carol)) =
        (hub.user("alice").await, hub.user("bob").await, hub.user("carol").await);
    let encryption = json!({ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
    let room = create(&hub, &alice, json!({ "preset": "public_chat", "initial_state": [encryption] })).await;
    let room = encode(&room);
    let start = sync(&hub, &alice, "").await["next_batch"].as_str().expect("a token").to_owned();
    let upload = async |token: &str, key: &str| {
        let (user, device) = device_of(&hub, token).await;
        let keys = json!({ "user_id": user, "device_id": device, "keys": { "ed25519:D": key } });
        hub.post(UPLOAD, token, json!({ "device_keys": keys })).await.ok();
    };
    let lists = async |since: &str| {
        let synced = sync(&hub, &alice, since).await;
        (synced["device_lists"].clone(), synced["next_batch"].as_str().expect("a token").to_owned())
    };
    upload(&carol, "c").await;
    let (nobody, since) = lists(&start).await;
    assert_eq!(nobody, Value::Null, "carol shares no room");
    hub.post(&format!("/_matrix/client/v3/join/{room}"), &bob, json!({})).await.ok();
    let (came, since) = lists(&since).await;
    assert_eq!(came, json!({ "changed": [bob_id] }));
    upload(&bob, "b").await;
    let (changed, since) = lists(&since).await;
    assert_eq!(changed, json!({ "changed": [bob_id] }));
    upload(&bob, "b").await;
    assert_eq!(lists(&since).await.0, Value::Null, "the same keys again are no change");
    hub.post(&format!("/_matrix/client/v3/rooms/{room}/leave"), &bob, json!({})).await.ok();
    let (gone, end) = lists(&since).await;
    assert_eq!(gone, json!({ "left": [bob_id] }));
    let changes = async |from: &str, to: &str| {
        hub.get(&format!("/_matrix/client/v3/keys/changes?from={from}&to={to}"), &alice).await.ok()
    };
    assert_eq!(changes(&since, &end).await, json!({ "changed": [], "left": [bob_id] }));
    assert_eq!(changes(&end, &end).await, json!({ "changed": [], "left": [] }));
    hub.get("/_matrix/client/v3/keys/changes?from=x&to=y", &alice).await.refused(400, "M_INVALID_PARAM");
}
