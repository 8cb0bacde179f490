use causeway_hub::rooms::CreateRoom;
use serde_json::{Value, json};

use super::hub::TestHub;

const NAME: &str = "/_matrix/client/v3/profile/@alice:hub.test/displayname";

#[tokio::test]
async fn fields_are_set_read_and_taken_away() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let (_, other) = hub.user("bob").await;
    hub.put(NAME, &token, json!({ "displayname": "Alice" })).await.ok();
    hub.put(NAME, &other, json!({ "displayname": "Eve" })).await.refused(403, "M_FORBIDDEN");
    hub.put(NAME, &token, json!({ "displayname": 1 })).await.refused(400, "M_BAD_JSON");
    hub.put(NAME, &token, json!({})).await.refused(400, "M_MISSING_PARAM");
    let zone = "/_matrix/client/v3/profile/@alice:hub.test/m.tz";
    hub.put(zone, &token, json!({ "m.tz": "Europe/Vienna" })).await.ok();
    let profile = hub.get("/_matrix/client/v3/profile/@alice:hub.test", "").await.ok();
    assert_eq!(profile, json!({ "displayname": "Alice", "m.tz": "Europe/Vienna" }));
    hub.call("DELETE", zone, &token, "").await.ok();
    hub.get(zone, "").await.refused(404, "M_NOT_FOUND");
    hub.put(NAME, &token, json!({ "displayname": null })).await.ok();
    hub.get(NAME, "").await.refused(404, "M_NOT_FOUND");
    hub.get("/_matrix/client/v3/profile/@nobody:hub.test", "").await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn new_name_is_told_to_rooms() {
    let hub = TestHub::start().await;
    let (user, token) = hub.user("alice").await;
    let room_id = hub.api.rooms.create(&user, CreateRoom::default()).await.expect("a room");
    hub.put(NAME, &token, json!({ "displayname": "Alice the second" })).await.ok();
    let room = hub.api.rooms.snapshot(&room_id).await.expect("the room");
    let member: Value = room.content("m.room.member", user.as_str()).expect("a member");
    assert_eq!(member["displayname"], "Alice the second");
    assert_eq!(member["membership"], "join");
}

#[tokio::test]
async fn users_are_found_by_name() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    hub.user("bob").await;
    hub.user("bob_2").await;
    let path = "/_matrix/client/v3/user_directory/search";
    let found = hub.post(path, &token, json!({ "search_term": "BOB_" })).await.ok();
    assert_eq!(found["results"], json!([{ "user_id": "@bob_2:hub.test", "display_name": "bob_2" }]));
    assert_eq!(found["limited"], false);
    let first = hub.post(path, &token, json!({ "search_term": "b", "limit": 1 })).await.ok();
    assert_eq!((first["results"].as_array().map(Vec::len), &first["limited"]), (Some(1), &json!(true)));
}

#[tokio::test]
async fn presence_is_offline_until_set() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let path = "/_matrix/client/v3/presence/@alice:hub.test/status";
    assert_eq!(hub.get(path, &token).await.ok()["presence"], "offline");
    hub.put(path, &token, json!({ "presence": "unavailable", "status_msg": "tea" })).await.ok();
    let presence = hub.get(path, &token).await.ok();
    assert_eq!((&presence["presence"], &presence["status_msg"]), (&json!("unavailable"), &json!("tea")));
}
