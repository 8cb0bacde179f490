//! Rooms as admins see and shut them.

use anyhow::Result;
use causeway_blackbox::{Hub, HubOptions, escape};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn rooms_are_listed_shown_and_blocked() -> Result<()> {
    let mut hub = Hub::start(HubOptions::default()).await?;
    let (alice, bob) = (hub.user("alice").await?, hub.user("bob").await?);
    let public = json!({"preset": "public_chat", "name": "Meeting", "visibility": "public"});
    let room = alice.create_room(&public).await?;
    let other = bob.create_room(&json!({"name": "Alone"})).await?;
    bob.join(&room).await?;

    let listed = hub.command(&["room", "list", "--json"]).await?;
    assert_eq!(listed["total_rooms"], 2);
    let ids: Vec<_> = ["/rooms/0/room_id", "/rooms/1/room_id"].map(|at| listed.pointer(at).cloned()).into();
    assert_eq!(ids, [Some(json!(room)), Some(json!(other))], "those with most members first");
    assert_eq!(hub.command(&["room", "list", "alon", "--json"]).await?["rooms"][0]["room_id"], json!(other));
    let mut devices = 0;
    for person in [&alice, &bob] {
        let answer = person.get("/_matrix/client/v3/devices").await?;
        devices += answer["devices"].as_array().map_or(0, Vec::len);
    }
    let shown = hub.command(&["room", "show", &room, "--json"]).await?;
    for (key, value) in [
        ("name", json!("Meeting")),
        ("joined_members", json!(2)),
        ("joined_local_devices", json!(devices)),
        ("public", json!(true)),
        ("join_rules", json!("public")),
        ("creator", json!(alice.user_id)),
        ("forgotten", json!(false)),
        ("blocked", json!(false)),
    ] {
        assert_eq!(shown[key], value, "{key} of {shown}");
    }
    let state = hub.command(&["room", "state", &room, "--type", "m.room.name", "--json"]).await?;
    assert_eq!(state["state"][0]["content"], json!({"name": "Meeting"}));
    let (status, _) = alice.request(Method::GET, "/_synapse/admin/v1/rooms", None).await?;
    assert_eq!(status, 403, "she is no admin");
    let unknown = hub.command(&["room", "state", "!none:causeway.test"]).await.expect_err("there is none").to_string();
    assert!(unknown.contains("there is no room"), "{unknown}");

    let join = format!("/_matrix/client/v3/join/{}", escape(&room));
    let carol = hub.user("carol").await?;
    hub.command(&["room", "block", &room]).await?;
    hub.kill().await?;
    hub.serve().await?;
    let (status, answer) = carol.request(Method::POST, &join, Some(&json!({}))).await?;
    assert_eq!((status, &answer["errcode"]), (403, &json!("M_FORBIDDEN")), "{answer}");
    assert!(answer["error"].as_str().is_some_and(|text| text.contains("blocked")), "{answer}");
    bob.say(&room, "who is in stays").await?;
    hub.command(&["room", "block", &room, "--revoke"]).await?;
    carol.join(&room).await
}
