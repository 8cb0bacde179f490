//! The event stream and initial syncs from before `/sync`, which room previews still use.

use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text};

const CLIENT: &str = "/_matrix/client/v3";

/// Types of a list of events.
fn types(events: &Value) -> Vec<&str> {
    events.as_array().into_iter().flatten().filter_map(|event| event["type"].as_str()).collect()
}

fn bodies(events: &Value) -> Vec<&str> {
    events.as_array().into_iter().flatten().filter_map(|event| event["content"]["body"].as_str()).collect()
}

#[tokio::test]
async fn initial_sync_ends_where_the_event_stream_begins() {
    let hub = TestHub::start().await;
    let ((alice_id, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(&hub, &alice, json!({ "name": "Square" })).await;
    for n in 1..=3 {
        send_text(&hub, &alice, &room, &format!("t{n}"), &format!("{n}")).await;
    }
    let all = hub.get(&format!("{CLIENT}/initialSync?limit=2"), &alice).await.ok();
    let shown = &all["rooms"][0];
    assert_eq!((&shown["room_id"], &shown["membership"]), (&json!(room), &json!("join")), "{shown}");
    assert_eq!(shown["visibility"], "private");
    assert_eq!(bodies(&shown["messages"]["chunk"]), ["2", "3"]);
    assert!(types(&shown["state"]).contains(&"m.room.name"), "{}", shown["state"]);
    assert!(types(&all["account_data"]).contains(&"m.push_rules"), "{all}");
    // the start of what is shown is where older messages are
    let start = shown["messages"]["start"].as_str().expect("a token");
    let older = hub.get(&format!("{CLIENT}/rooms/{}/messages?dir=b&limit=1&from={start}", encode(&room)), &alice).await;
    assert_eq!(bodies(&older.ok()["chunk"]), ["1"]);

    let end = all["end"].as_str().expect("a token").to_owned();
    let event_id = send_text(&hub, &alice, &room, "t4", "4").await;
    let path = format!("{CLIENT}/rooms/{}/typing/{}", encode(&room), encode(alice_id.as_str()));
    hub.put(&path, &alice, json!({ "typing": true, "timeout": 30_000 })).await.ok();
    let heard = hub.get(&format!("{CLIENT}/events?from={end}&timeout=0"), &alice).await.ok();
    let said = heard["chunk"].as_array().into_iter().flatten().find(|event| event["event_id"] == *event_id);
    assert_eq!(said.expect("what was said")["room_id"], *room);
    let typing = heard["chunk"].as_array().into_iter().flatten().find(|event| event["type"] == "m.typing");
    assert_eq!(typing.expect("who types")["room_id"], *room);
    assert_eq!(heard["start"], *end);

    let since = hub.get(&format!("{CLIENT}/events?timeout=0"), &bob).await.ok()["end"].as_str().unwrap().to_owned();
    hub.post(&format!("{CLIENT}/rooms/{}/invite", encode(&room)), &alice, json!({ "user_id": bob_id })).await.ok();
    let invited = hub.get(&format!("{CLIENT}/events?from={since}&timeout=10000"), &bob).await.ok();
    let invite = invited["chunk"].as_array().into_iter().flatten().find(|event| event["type"] == "m.room.member");
    let invite = invite.expect("the invite");
    assert_eq!((&invite["state_key"], &invite["content"]["membership"]), (&json!(bob_id), &json!("invite")));
    let waiting = hub.get(&format!("{CLIENT}/initialSync"), &bob).await.ok();
    assert_eq!(waiting["rooms"][0]["inviter"], alice_id.as_str(), "{waiting}");

    let one = format!("{CLIENT}/events/{}", encode(&event_id));
    assert_eq!(hub.get(&one, &alice).await.ok()["content"]["body"], "4");
    hub.get(&one, &bob).await.refused(404, "M_NOT_FOUND");
    hub.get(&format!("{CLIENT}/events?from=nonsense"), &alice).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn world_readable_room_is_looked_into_from_outside() {
    let hub = TestHub::start().await;
    let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let visible =
        json!([{ "type": "m.room.history_visibility", "content": { "history_visibility": "world_readable" } }]);
    let open = create(&hub, &alice, json!({ "initial_state": visible })).await;
    let closed = create(&hub, &alice, json!({})).await;
    send_text(&hub, &alice, &open, "t1", "old").await;

    let path = format!("{CLIENT}/rooms/{}/initialSync?limit=1", encode(&open));
    let shown = hub.get(&path, &bob).await.ok();
    assert_eq!(bodies(&shown["messages"]["chunk"]), ["old"]);
    assert!(shown.get("membership").is_none(), "{shown}");
    assert!(types(&shown["state"]).contains(&"m.room.create"), "{shown}");
    assert_eq!(hub.get(&path, &alice).await.ok()["membership"], "join");

    let end = shown["messages"]["end"].as_str().expect("a token").to_owned();
    let stream = format!("{CLIENT}/events?from={end}&timeout=20000&room_id={}", encode(&open));
    let (heard, _) = tokio::join!(hub.get(&stream, &bob), async {
        tokio::task::yield_now().await;
        send_text(&hub, &alice, &open, "t2", "new").await
    });
    let heard = heard.ok();
    assert_eq!(bodies(&heard["chunk"]), ["new"]);
    assert_eq!(heard["chunk"][0]["room_id"], *open);
    assert_ne!(heard["end"], *end);

    hub.get(&format!("{CLIENT}/rooms/{}/initialSync", encode(&closed)), &bob).await.refused(403, "M_FORBIDDEN");
    let stream = format!("{CLIENT}/events?timeout=0&room_id={}", encode(&closed));
    hub.get(&stream, &bob).await.refused(403, "M_FORBIDDEN");
}
