use std::collections::HashSet;
use std::sync::Arc;

use causeway_store::Position;
use ruma::{OwnedDeviceId, OwnedUserId};
use serde_json::{Map, Value, json};

use super::hub::TestHub;

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

#[tokio::test]
async fn signatures_are_shown_to_whom_they_concern() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let (_, bob) = hub.user("bob").await;
    let (_, carol) = hub.user("carol").await;
    let master = json!({ "user_id": "@alice:hub.test", "usage": ["master"], "keys": { "ed25519:PUB": "PUB" } });
    let path = "/_matrix/client/v3/keys/device_signing/upload";
    hub.post(path, &alice, json!({ "master_key": master })).await.ok();
    assert_eq!(hub.post(path, &alice, json!({ "master_key": master })).await.status, 401);
    let mut signed = master.clone();
    signed["signatures"] = json!({ "@bob:hub.test": { "ed25519:BOB": "signature" } });
    let signatures = json!({ "@alice:hub.test": { "PUB": signed } });
    hub.post("/_matrix/client/v3/keys/signatures/upload", &bob, signatures).await.ok();
    let query = json!({ "device_keys": { "@alice:hub.test": [] } });
    let seen = async |token: &str| {
        let answer = hub.post("/_matrix/client/v3/keys/query", token, query.clone()).await.ok();
        answer["master_keys"]["@alice:hub.test"]["signatures"]["@bob:hub.test"]["ed25519:BOB"].clone()
    };
    assert_eq!(seen(&bob).await, "signature");
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
