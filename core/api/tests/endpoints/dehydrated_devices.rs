use serde_json::{Value, json};

use super::hub::{TestHub, sync};

const DEVICE: &str = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device";

fn device(id: &str) -> Value {
    let keys = json!({
        "user_id": "@alice:hub.test", "device_id": id, "dehydrated": true, "algorithms": [],
        "keys": { (format!("ed25519:{id}")): id },
    });
    json!({
        "device_id": id, "device_data": { "algorithm": "org.matrix.msc3814.v2", "device_pickle": id, "nonce": "n" },
        "initial_device_display_name": "asleep", "device_keys": keys,
        "one_time_keys": { "signed_curve25519:A": { "key": id } },
        "fallback_keys": { "signed_curve25519:F": { "key": "f", "fallback": true } },
    })
}

async fn send(hub: &TestHub, token: &str, txn: &str, to: &str) {
    let body = json!({ "messages": { "@alice:hub.test": { (to): { "txn": txn } } } });
    hub.put(&format!("/_matrix/client/v3/sendToDevice/m.test/{txn}"), token, body).await.ok();
}

#[tokio::test]
async fn dehydrated_device_gets_messages_and_gives_them_to_its_user_page_by_page() {
    let hub = TestHub::start().await;
    let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    hub.get(DEVICE, &alice).await.refused(404, "M_NOT_FOUND");
    assert_eq!(hub.put(DEVICE, &alice, device("ASLEEP")).await.ok(), json!({ "device_id": "ASLEEP" }));
    let found = hub.get(DEVICE, &alice).await.ok();
    assert_eq!(found, json!({ "device_id": "ASLEEP", "device_data": device("ASLEEP")["device_data"] }));
    hub.get(DEVICE, &bob).await.refused(404, "M_NOT_FOUND");

    let query = json!({ "device_keys": { "@alice:hub.test": ["ASLEEP"] } });
    let keys = hub.post("/_matrix/client/v3/keys/query", &bob, query).await.ok();
    let keys = &keys["device_keys"]["@alice:hub.test"]["ASLEEP"];
    assert_eq!((&keys["dehydrated"], &keys["unsigned"]["device_display_name"]), (&json!(true), &json!("asleep")));
    let claim = json!({ "one_time_keys": { "@alice:hub.test": { "ASLEEP": "signed_curve25519" } } });
    let claimed = hub.post("/_matrix/client/v3/keys/claim", &bob, claim).await.ok();
    let claimed = &claimed["one_time_keys"]["@alice:hub.test"]["ASLEEP"];
    assert_eq!(*claimed, json!({ "signed_curve25519:A": { "key": "ASLEEP" } }));

    for number in 0..120 {
        send(&hub, &bob, &format!("t{number}"), "ASLEEP").await;
    }
    let path = format!("{DEVICE}/ASLEEP/events");
    let mut came = Vec::new();
    let mut body = json!({});
    loop {
        let page = hub.post(&path, &alice, body).await.ok();
        let events = page["events"].as_array().expect("events").clone();
        if events.is_empty() {
            break;
        }
        let got = hub.get(&format!("{path}?next_batch={}", page["next_batch"].as_str().unwrap()), &alice).await.ok();
        body = json!({ "next_batch": page["next_batch"] });
        assert_eq!(got, hub.post(&path, &alice, body.clone()).await.ok(), "GET answers as POST does");
        came.extend(events.into_iter().map(|event| event["content"]["txn"].clone()));
    }
    assert_eq!(came, (0..120).map(|number| json!(format!("t{number}"))).collect::<Vec<_>>());
    hub.post(&path, &bob, json!({})).await.refused(403, "M_FORBIDDEN");
    hub.post(&format!("{DEVICE}/OTHER/events"), &alice, json!({})).await.refused(403, "M_FORBIDDEN");
    hub.post(&path, &alice, json!({ "next_batch": "x" })).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn there_is_one_dehydrated_device_and_it_is_no_other() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let whoami = hub.get("/_matrix/client/v3/account/whoami", &alice).await.ok();
    let awake = whoami["device_id"].as_str().expect("a device");
    hub.put(DEVICE, &alice, device(awake)).await.refused(400, "M_INVALID_PARAM");
    let mut foreign = device("ASLEEP");
    foreign["device_id"] = json!("OTHER");
    hub.put(DEVICE, &alice, foreign).await.refused(400, "M_INVALID_PARAM");
    let mut bare = device("ASLEEP");
    bare["device_data"] = json!({});
    hub.put(DEVICE, &alice, bare).await.refused(400, "M_BAD_JSON");

    let since = sync(&hub, &alice, "").await["next_batch"].as_str().expect("a token").to_owned();
    hub.put(DEVICE, &alice, device("ONE")).await.ok();
    assert_eq!(sync(&hub, &alice, &since).await["device_lists"]["changed"], json!(["@alice:hub.test"]));
    send(&hub, &alice, "t1", "ONE").await;
    // Again under the same name: what the one before got is gone with its keys.
    for id in ["ONE", "TWO"] {
        hub.put(DEVICE, &alice, device(id)).await.ok();
        let page = hub.post(&format!("{DEVICE}/{id}/events"), &alice, json!({})).await.ok();
        assert_eq!(page["events"], json!([]), "{id}");
    }
    let devices = async || {
        let list = hub.get("/_matrix/client/v3/devices", &alice).await.ok();
        let ids = list["devices"].as_array().expect("a list").iter().map(|device| device["device_id"].clone());
        ids.filter(|id| *id != awake).collect::<Vec<_>>()
    };
    assert_eq!(devices().await, ["TWO"]);
    assert_eq!(hub.call("DELETE", DEVICE, &alice, "").await.ok(), json!({ "device_id": "TWO" }));
    assert!(devices().await.is_empty());
    hub.get(DEVICE, &alice).await.refused(404, "M_NOT_FOUND");
    hub.call("DELETE", DEVICE, &alice, "").await.refused(404, "M_NOT_FOUND");
}
