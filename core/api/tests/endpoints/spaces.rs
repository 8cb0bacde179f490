use serde_json::{Value, json};

use super::hub::{TestHub, create, encode};

async fn state(hub: &TestHub, token: &str, room: &str, event_type: &str, key: &str, content: Value) {
    let path = format!("/_matrix/client/v3/rooms/{}/state/{event_type}/{}", encode(room), encode(key));
    hub.put(&path, token, content).await.ok();
}

async fn space(hub: &TestHub, token: &str, name: &str, preset: &str) -> String {
    let creation = json!({ "type": "m.space" });
    create(hub, token, json!({ "name": name, "preset": preset, "creation_content": creation })).await
}

async fn child(hub: &TestHub, token: &str, space: &str, room: &str, more: Value) {
    let mut content = json!({ "via": ["hub.test"] });
    for (key, value) in more.as_object().expect("an object") {
        content[key] = value.clone();
    }
    state(hub, token, space, "m.space.child", room, content).await;
}

/// Names of the rooms of a page, and the token for the next.
fn names(page: &Value) -> Vec<&str> {
    page["rooms"].as_array().expect("rooms").iter().map(|room| room["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn hierarchy_is_walked_depth_first_in_the_spaces_order_and_shows_what_may_be_seen() {
    let hub = TestHub::start().await;
    let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let root = space(&hub, &alice, "root", "public_chat").await;
    let inner = space(&hub, &alice, "inner", "public_chat").await;
    let room = async |name: &str, preset: &str| create(&hub, &alice, json!({ "name": name, "preset": preset })).await;
    let (first, last, deep) =
        (room("first", "public_chat").await, room("last", "public_chat").await, room("deep", "public_chat").await);
    let secret = room("secret", "private_chat").await;
    let gone = room("gone", "public_chat").await;
    child(&hub, &alice, &root, &last, json!({})).await;
    child(&hub, &alice, &root, &inner, json!({ "order": "b", "suggested": true })).await;
    child(&hub, &alice, &root, &first, json!({ "order": "a" })).await;
    child(&hub, &alice, &root, &secret, json!({ "order": "c" })).await;
    child(&hub, &alice, &inner, &deep, json!({ "suggested": true })).await;
    child(&hub, &alice, &inner, &root, json!({})).await;
    child(&hub, &alice, &inner, &first, json!({})).await;
    state(&hub, &alice, &root, "m.space.child", &gone, json!({})).await;

    let path = format!("/_matrix/client/v1/rooms/{}/hierarchy", encode(&root));
    let walk = async |token: &str, query: &str| hub.get(&format!("{path}?{query}"), token).await.ok();
    let whole = walk(&alice, "").await;
    assert_eq!(names(&whole), ["root", "first", "inner", "deep", "secret", "last"]);
    assert_eq!(names(&walk(&bob, "").await), ["root", "first", "inner", "deep", "last"], "secret is not bob's to see");
    assert_eq!(names(&walk(&alice, "max_depth=1").await), ["root", "first", "inner", "secret", "last"]);
    assert_eq!(names(&walk(&alice, "suggested_only=true").await), ["root", "inner", "deep"]);

    let shown = &whole["rooms"][0];
    assert_eq!((&shown["room_type"], &shown["join_rule"]), (&json!("m.space"), &json!("public")));
    let children = shown["children_state"].as_array().expect("events");
    let keys: Vec<_> = children.iter().map(|event| event["state_key"].as_str().unwrap()).collect();
    assert_eq!(keys, [&first, &inner, &secret, &last]);
    assert_eq!(children[0]["content"], json!({ "via": ["hub.test"], "order": "a" }));
    assert!(children[0]["origin_server_ts"].is_u64() && children[0]["sender"] == "@alice:hub.test");

    let page = walk(&alice, "limit=2").await;
    assert_eq!(names(&page), ["root", "first"]);
    let next = page["next_batch"].as_str().expect("a token");
    let page = walk(&alice, &format!("limit=50&from={next}")).await;
    assert_eq!(names(&page), ["inner", "deep", "secret", "last"]);
    assert!(page.get("next_batch").is_none());
    let other = hub.get(&format!("{path}?from={next}&suggested_only=true"), &alice).await;
    other.refused(400, "M_INVALID_PARAM");
    hub.get(&format!("{path}?from=x"), &alice).await.refused(400, "M_INVALID_PARAM");
    let of_secret = format!("/_matrix/client/v1/rooms/{}/hierarchy", encode(&secret));
    hub.get(&of_secret, &bob).await.refused(403, "M_FORBIDDEN");
    hub.get("/_matrix/client/v1/rooms/!no:hub.test/hierarchy", &bob).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn summary_is_for_those_who_may_come_in() {
    let hub = TestHub::start().await;
    let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let encryption = json!({ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
    let body = json!({
        "name": "Harbour", "topic": "ships", "preset": "public_chat", "room_alias_name": "harbour",
        "initial_state": [encryption], "room_version": "11",
    });
    let open = create(&hub, &alice, body).await;
    let summary = async |room: &str, token: &str| {
        hub.get(&format!("/_matrix/client/v1/room_summary/{}", encode(room)), token).await
    };
    let expected = json!({
        "room_id": open, "name": "Harbour", "topic": "ships", "canonical_alias": "#harbour:hub.test",
        "num_joined_members": 1, "world_readable": false, "guest_can_join": false, "join_rule": "public",
        "room_version": "11", "encryption": "m.megolm.v1.aes-sha2",
    });
    assert_eq!(summary("#harbour:hub.test", "").await.ok(), expected, "without a token");
    let mut of_bob = expected.clone();
    of_bob["membership"] = json!("leave");
    assert_eq!(summary(&open, &bob).await.ok(), of_bob);
    let older = format!("/_matrix/client/unstable/im.nheko.summary/rooms/{}/summary", encode(&open));
    assert_eq!(hub.get(&older, &bob).await.ok(), of_bob);

    let secret = create(&hub, &alice, json!({ "preset": "private_chat" })).await;
    assert_eq!(summary(&secret, &alice).await.ok()["membership"], "join");
    summary(&secret, &bob).await.refused(404, "M_NOT_FOUND");
    summary(&secret, "").await.refused(404, "M_NOT_FOUND");
    summary("!no:hub.test", &bob).await.refused(404, "M_NOT_FOUND");
    // Whose members may join it may see it.
    let allow = json!([{ "type": "m.room_membership", "room_id": open }]);
    let rule = json!({ "join_rule": "restricted", "allow": allow });
    state(&hub, &alice, &secret, "m.room.join_rules", "", rule).await;
    summary(&secret, &bob).await.refused(404, "M_NOT_FOUND");
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&open)), &bob, json!({})).await.ok();
    assert_eq!(summary(&secret, &bob).await.ok()["allowed_room_ids"], json!([open]));
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&secret)), &bob, json!({})).await.ok();
}

#[tokio::test]
async fn who_knocks_is_let_in_or_not() {
    let hub = TestHub::start().await;
    let ((_, alice), (bob_id, bob), (_, carol)) =
        (hub.user("alice").await, hub.user("bob").await, hub.user("carol").await);
    let room = create(&hub, &alice, json!({ "preset": "private_chat", "name": "Club" })).await;
    let knock = format!("/_matrix/client/v3/knock/{}", encode(&room));
    hub.post(&knock, &bob, json!({})).await.refused(403, "M_FORBIDDEN");
    state(&hub, &alice, &room, "m.room.join_rules", "", json!({ "join_rule": "knock_restricted" })).await;
    hub.post(&knock, &bob, json!({ "reason": "please" })).await.ok();
    let synced = super::hub::sync(&hub, &bob, "").await;
    let stripped = synced["rooms"]["knock"][&room]["knock_state"]["events"].as_array().expect("events").clone();
    assert!(stripped.iter().any(|event| event["content"]["name"] == "Club"), "{stripped:?}");
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), &bob, json!({})).await.refused(403, "M_FORBIDDEN");
    let invite = format!("/_matrix/client/v3/rooms/{}/invite", encode(&room));
    hub.post(&invite, &alice, json!({ "user_id": bob_id })).await.ok();
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), &bob, json!({})).await.ok();
    // Who knocked may also go away again.
    hub.post(&knock, &carol, json!({})).await.ok();
    hub.post(&format!("/_matrix/client/v3/rooms/{}/leave", encode(&room)), &carol, json!({})).await.ok();
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), &carol, json!({}))
        .await
        .refused(403, "M_FORBIDDEN");
}
