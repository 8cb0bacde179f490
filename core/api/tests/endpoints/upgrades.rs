use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text};

async fn state(hub: &TestHub, token: &str, room: &str, event_type: &str) -> Value {
    hub.get(&format!("/_matrix/client/v3/rooms/{}/state/{event_type}/", encode(room)), token).await.ok()
}

async fn upgrade(hub: &TestHub, token: &str, room: &str, body: Value) -> String {
    let path = format!("/_matrix/client/v3/rooms/{}/upgrade", encode(room));
    let done = hub.post(&path, token, body).await.ok();
    done["replacement_room"].as_str().expect("a room").to_owned()
}

#[tokio::test]
async fn upgraded_room_goes_on_with_state_aliases_levels_and_bans() {
    let hub = TestHub::start().await;
    let ((alice_id, alice), (bob_id, bob), (carol_id, carol)) =
        (hub.user("alice").await, hub.user("bob").await, hub.user("carol").await);
    let encryption = json!({ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
    let old = create(
        &hub,
        &alice,
        json!({
            "name": "Harbour", "topic": "ships", "preset": "public_chat", "room_alias_name": "harbour",
            "visibility": "public", "room_version": "10", "initial_state": [encryption],
            "creation_content": { "type": "m.space", "creator_note": 1 },
            "power_level_content_override": { "users": { (alice_id.as_str()): 100, (bob_id.as_str()): 50 } },
        }),
    )
    .await;
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&old)), &bob, json!({})).await.ok();
    let ban = json!({ "user_id": carol_id, "reason": "noise" });
    hub.post(&format!("/_matrix/client/v3/rooms/{}/ban", encode(&old)), &alice, ban).await.ok();
    let last = send_text(&hub, &alice, &old, "t1", "last").await;
    let path = format!("/_matrix/client/v3/rooms/{}/upgrade", encode(&old));
    hub.post(&path, &bob, json!({ "new_version": "11" })).await.refused(403, "M_FORBIDDEN");
    hub.post(&path, &carol, json!({ "new_version": "11" })).await.refused(403, "M_FORBIDDEN");
    hub.post(&path, &alice, json!({ "new_version": "99" })).await.refused(400, "M_UNSUPPORTED_ROOM_VERSION");
    let more = json!({ "new_version": "11", "additional_creators": [bob_id] });
    hub.post(&path, &alice, more).await.refused(400, "M_BAD_JSON");

    let new = upgrade(&hub, &alice, &old, json!({ "new_version": "11" })).await;
    let create_event = state(&hub, &alice, &new, "m.room.create").await;
    assert_eq!(create_event["predecessor"], json!({ "room_id": old, "event_id": last }));
    assert_eq!((&create_event["type"], &create_event["room_version"]), (&json!("m.space"), &json!("11")));
    assert_eq!(state(&hub, &alice, &old, "m.room.tombstone").await["replacement_room"], new.as_str());
    assert_eq!(state(&hub, &alice, &new, "m.room.name").await["name"], "Harbour");
    assert_eq!(state(&hub, &alice, &new, "m.room.topic").await["topic"], "ships");
    assert_eq!(state(&hub, &alice, &new, "m.room.join_rules").await["join_rule"], "public");
    assert_eq!(state(&hub, &alice, &new, "m.room.encryption").await["algorithm"], "m.megolm.v1.aes-sha2");
    let levels = state(&hub, &alice, &new, "m.room.power_levels").await;
    assert_eq!(levels["users"], json!({ (alice_id.as_str()): 100, (bob_id.as_str()): 50 }));

    let of_alias = hub.get("/_matrix/client/v3/directory/room/%23harbour:hub.test", &bob).await.ok();
    assert_eq!(of_alias["room_id"], new.as_str());
    assert_eq!(state(&hub, &alice, &new, "m.room.canonical_alias").await["alias"], "#harbour:hub.test");
    assert_eq!(state(&hub, &alice, &old, "m.room.canonical_alias").await, json!({}));
    let listed = hub.get("/_matrix/client/v3/publicRooms", &bob).await.ok();
    let listed: Vec<_> = listed["chunk"].as_array().unwrap().iter().map(|room| room["room_id"].clone()).collect();
    assert_eq!(listed, [new.as_str()]);

    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&new)), &carol, json!({})).await.refused(403, "M_FORBIDDEN");
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&new)), &bob, json!({})).await.ok();
    let old_levels = state(&hub, &alice, &old, "m.room.power_levels").await;
    assert_eq!((&old_levels["events_default"], &old_levels["invite"]), (&json!(50), &json!(50)));
    let dave = hub.user("dave").await.1;
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&old)), &dave, json!({})).await.ok();
    let say = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/t9", encode(&old));
    hub.put(&say, &dave, json!({ "msgtype": "m.text", "body": "x" })).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn creators_come_and_go_with_the_versions_that_know_them() {
    let hub = TestHub::start().await;
    let ((alice_id, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let old = create(&hub, &alice, json!({ "room_version": "11" })).await;
    let middle = upgrade(&hub, &alice, &old, json!({ "new_version": "12", "additional_creators": [bob_id] })).await;
    let create_event = state(&hub, &alice, &middle, "m.room.create").await;
    assert_eq!(create_event["additional_creators"], json!([bob_id]));
    let levels = state(&hub, &alice, &middle, "m.room.power_levels").await;
    assert_eq!(levels["users"], json!({}), "creators are above all levels");
    let invite = format!("/_matrix/client/v3/rooms/{}/invite", encode(&middle));
    hub.post(&invite, &alice, json!({ "user_id": bob_id })).await.ok();
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&middle)), &bob, json!({})).await.ok();
    let new = upgrade(&hub, &bob, &middle, json!({ "new_version": "11" })).await;
    let levels = state(&hub, &bob, &new, "m.room.power_levels").await;
    assert_eq!(levels["users"], json!({ (alice_id.as_str()): 100, (bob_id.as_str()): 100 }));
    assert!(state(&hub, &bob, &new, "m.room.create").await.get("additional_creators").is_none());
    assert_eq!(state(&hub, &bob, &middle, "m.room.tombstone").await["replacement_room"], new.as_str());
}
