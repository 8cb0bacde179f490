use serde_json::{Value, json};

use super::hub::{Answered, TestHub, encode};

const VERSION: &str = "/_matrix/client/v3/room_keys/version";
const KEYS: &str = "/_matrix/client/v3/room_keys/keys";
const ROOM: &str = "!room:hub.test";

fn backup(signature: &str) -> Value {
    json!({ "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": { "public_key": "abc", "x": signature } })
}

fn key(index: u64, forwarded: u64, verified: bool) -> Value {
    let session_data = json!({ "ciphertext": format!("{index} {forwarded} {verified}"), "ephemeral": "e", "mac": "m" });
    json!({
        "first_message_index": index, "forwarded_count": forwarded, "is_verified": verified,
        "session_data": session_data,
    })
}

async fn version(hub: &TestHub, token: &str) -> String {
    let made = hub.post(VERSION, token, backup("one")).await.ok();
    made["version"].as_str().expect("a version").to_owned()
}

async fn delete(hub: &TestHub, path: &str, token: &str) -> Answered {
    hub.call("DELETE", path, token, "").await
}

#[tokio::test]
async fn versions_are_made_changed_and_deleted_and_their_numbers_never_come_back() {
    let hub = TestHub::start().await;
    let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    hub.get(VERSION, &alice).await.refused(404, "M_NOT_FOUND");
    let first = version(&hub, &alice).await;
    let shown = hub.get(VERSION, &alice).await.ok();
    assert_eq!((&shown["version"], &shown["count"]), (&json!(first), &json!(0)));
    assert_eq!(shown["auth_data"], backup("one")["auth_data"]);
    let second = version(&hub, &alice).await;
    assert_ne!(first, second);
    assert_eq!(hub.get(VERSION, &alice).await.ok()["version"], second.as_str());
    let path = format!("{VERSION}/{first}");
    assert_eq!(hub.get(&path, &alice).await.ok()["version"], first.as_str());
    hub.get(&path, &bob).await.refused(404, "M_NOT_FOUND");

    let mut changed = backup("two");
    changed["version"] = json!(first);
    hub.put(&path, &alice, changed.clone()).await.ok();
    assert_eq!(hub.get(&path, &alice).await.ok()["auth_data"]["x"], "two");
    changed["version"] = json!(second);
    hub.put(&path, &alice, changed).await.refused(400, "M_INVALID_PARAM");
    let other = json!({ "algorithm": "m.other", "auth_data": {} });
    hub.put(&path, &alice, other).await.refused(400, "M_INVALID_PARAM");
    hub.put(&path, &alice, json!({ "algorithm": "m.other", "auth_data": 1 })).await.refused(400, "M_BAD_JSON");
    hub.post(VERSION, &alice, json!({ "auth_data": {} })).await.refused(400, "M_BAD_JSON");
    hub.put(&format!("{VERSION}/77"), &alice, backup("x")).await.refused(404, "M_NOT_FOUND");

    delete(&hub, &format!("{VERSION}/{second}"), &alice).await.ok();
    assert_eq!(hub.get(VERSION, &alice).await.ok()["version"], first.as_str());
    hub.get(&format!("{VERSION}/{second}"), &alice).await.refused(404, "M_NOT_FOUND");
    delete(&hub, &format!("{VERSION}/{second}"), &alice).await.ok();
    delete(&hub, &format!("{VERSION}/x"), &alice).await.refused(404, "M_NOT_FOUND");
    let third = version(&hub, &alice).await;
    assert!(third != first && third != second, "{third}");
}

#[tokio::test]
async fn of_two_keys_the_better_one_is_kept_and_only_a_change_renews_the_etag() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let version = version(&hub, &token).await;
    let path = format!("{KEYS}/{}/session?version={version}", encode(ROOM));
    let mut etag = hub.get(VERSION, &token).await.ok()["etag"].clone();
    // In order: what is put, and whether it is better than what was there.
    let puts = [
        (key(5, 5, false), true),
        (key(5, 5, false), false),
        (key(5, 4, false), true),
        (key(6, 0, false), false),
        (key(4, 9, false), true),
        (key(9, 9, true), true),
        (key(0, 0, false), false),
        (key(9, 8, true), true),
        (key(8, 9, true), true),
    ];
    let mut best = Value::Null;
    for (given, is_better) in puts {
        let changed = hub.put(&path, &token, given.clone()).await.ok();
        assert_eq!(changed["count"], 1);
        assert_eq!(changed["etag"] != etag, is_better, "{given}");
        etag = changed["etag"].clone();
        if is_better {
            best = given;
        }
        assert_eq!(hub.get(&path, &token).await.ok(), best);
    }
    let shown = hub.get(VERSION, &token).await.ok();
    assert_eq!((&shown["etag"], &shown["count"]), (&etag, &json!(1)));
}

#[tokio::test]
async fn keys_are_put_read_and_deleted_by_session_by_room_and_all() {
    let hub = TestHub::start().await;
    let ((_, token), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let version = version(&hub, &token).await;
    let all = format!("{KEYS}?version={version}");
    let room = format!("{KEYS}/{}?version={version}", encode(ROOM));
    let session = format!("{KEYS}/{}/one?version={version}", encode(ROOM));
    assert_eq!(hub.get(&all, &token).await.ok(), json!({ "rooms": {} }));
    assert_eq!(hub.get(&room, &token).await.ok(), json!({ "sessions": {} }));
    hub.get(&session, &token).await.refused(404, "M_NOT_FOUND");
    let sessions = json!({ "sessions": { "one": key(1, 0, true), "two": key(2, 0, true) } });
    let rooms = json!({ "rooms": { ROOM: sessions, "!other:hub.test": { "sessions": { "three": key(3, 0, true) } } } });
    assert_eq!(hub.put(&all, &token, rooms.clone()).await.ok()["count"], 3);
    assert_eq!(hub.get(&all, &token).await.ok(), rooms);
    assert_eq!(hub.get(&room, &token).await.ok(), sessions);
    let more = json!({ "sessions": { "four": key(4, 0, false) } });
    assert_eq!(hub.put(&room, &token, more).await.ok()["count"], 4);
    hub.get(&all, &bob).await.refused(404, "M_NOT_FOUND");

    let before = delete(&hub, &session, &token).await.ok();
    assert_eq!(before["count"], 3);
    hub.get(&session, &token).await.refused(404, "M_NOT_FOUND");
    assert_eq!(delete(&hub, &session, &token).await.ok(), before, "there was nothing more to delete");
    assert_eq!(delete(&hub, &room, &token).await.ok()["count"], 1);
    assert_eq!(delete(&hub, &all, &token).await.ok()["count"], 0);
    assert_eq!(hub.get(&all, &token).await.ok(), json!({ "rooms": {} }));
}

#[tokio::test]
async fn keys_go_to_the_current_version_only() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let put = async |version: &str, body: Value| {
        hub.put(&format!("{KEYS}/{}/s?version={version}", encode(ROOM)), &token, body).await
    };
    put("1", key(1, 1, true)).await.refused(404, "M_NOT_FOUND");
    let first = version(&hub, &token).await;
    put(&first, key(1, 1, true)).await.ok();
    let second = version(&hub, &token).await;
    let refused = put(&first, key(0, 0, true)).await.refused(403, "M_WRONG_ROOM_KEYS_VERSION");
    assert_eq!(refused["current_version"], second.as_str());
    put("99", key(0, 0, true)).await.refused(404, "M_NOT_FOUND");
    let old = format!("{KEYS}/{}/s?version={first}", encode(ROOM));
    assert_eq!(hub.get(&old, &token).await.ok(), key(1, 1, true), "an older version can still be read");
    let mut bad = key(0, 0, true);
    bad["session_data"] = json!("text");
    put(&second, bad).await.refused(400, "M_BAD_JSON");
    put(&second, json!({ "is_verified": true })).await.refused(400, "M_BAD_JSON");
    hub.put(&format!("{KEYS}/{}/s", encode(ROOM)), &token, key(0, 0, true)).await.refused(400, "M_INVALID_PARAM");
}
