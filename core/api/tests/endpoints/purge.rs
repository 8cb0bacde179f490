use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text, sync, texts};

const PURGE: &str = "/_synapse/admin/v1/purge_history";

/// Waits for a run's end; its last status.
async fn ended(hub: &TestHub, token: &str, begun: &Value) -> Value {
    let path = format!("{PURGE}_status/{}", begun["purge_id"].as_str().expect("a purge id"));
    loop {
        let status = hub.get(&path, token).await.ok();
        if status["status"] != "active" {
            return status;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn purged_messages_are_gone_and_the_room_goes_on() {
    let hub = TestHub::start().await;
    let ((_, alice), (admin_id, admin)) = (hub.user("alice").await, hub.user("admin").await);
    hub.api.accounts.set_admin(&admin_id, true).await.expect("a commit");
    let room = create(&hub, &alice, json!({ "topic": "kept" })).await;
    let mut sent = Vec::new();
    for number in 0..30 {
        sent.push(send_text(&hub, &alice, &room, &format!("t{number}"), &format!("harbour {number}")).await);
    }
    let search = json!({ "search_categories": { "room_events": { "search_term": "harbour" } } });
    let count = async || {
        let found = hub.post("/_matrix/client/v3/search", &alice, search.clone()).await.ok();
        found["search_categories"]["room_events"]["count"].clone()
    };
    assert_eq!(count().await, 30);
    let since = sync(&hub, &alice, "").await["next_batch"].as_str().expect("a token").to_owned();

    let of_room = format!("{PURGE}/{}", encode(&room));
    let before = format!("{of_room}/{}", encode(&sent[20]));
    hub.post(&before, &alice, json!({})).await.refused(403, "M_FORBIDDEN");
    // All of them are of this server.
    let begun = hub.post(&before, &admin, json!({})).await.ok();
    assert_eq!(ended(&hub, &admin, &begun).await, json!({ "status": "complete", "deleted": 0, "owed": 0 }));
    let begun = hub.post(&before, &admin, json!({ "delete_local_events": true })).await.ok();
    assert_eq!(ended(&hub, &admin, &begun).await, json!({ "status": "complete", "deleted": 20, "owed": 0 }));

    let messages = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit=100", encode(&room));
    let bodies = async || {
        let page = hub.get(&messages, &alice).await.ok();
        let mut bodies = texts(&json!({ "events": page["chunk"] }));
        bodies.retain(|body| body.starts_with("harbour"));
        bodies
    };
    assert_eq!(bodies().await.len(), 10);
    assert_eq!(count().await, 10);
    let event = |number: usize| format!("/_matrix/client/v3/rooms/{}/event/{}", encode(&room), encode(&sent[number]));
    hub.get(&event(19), &alice).await.refused(404, "M_NOT_FOUND");
    hub.get(&event(20), &alice).await.ok();
    let topic = format!("/_matrix/client/v3/rooms/{}/state/m.room.topic", encode(&room));
    assert_eq!(hub.get(&topic, &alice).await.ok()["topic"], "kept");
    hub.get(&format!("/_matrix/client/v3/rooms/{}/context/{}", encode(&room), encode(&sent[20])), &alice).await.ok();

    // The newest one stays: the next is built on it.
    let far = json!({ "delete_local_events": true, "purge_up_to_ts": 4_000_000_000_000_i64 });
    let begun = hub.post(&of_room, &admin, far).await.ok();
    assert_eq!(ended(&hub, &admin, &begun).await["deleted"], 9);
    assert_eq!(bodies().await, ["harbour 29"]);
    send_text(&hub, &alice, &room, "after", "harbour again").await;
    let told = sync(&hub, &alice, &since).await;
    assert_eq!(texts(&told["rooms"]["join"][&room]["timeline"]), ["harbour again"]);
    assert_eq!(bodies().await.len(), 2);

    hub.post(&of_room, &admin, json!({})).await.refused(400, "M_MISSING_PARAM");
    hub.post(&of_room, &admin, json!({ "purge_up_to_ts": "soon" })).await.refused(400, "M_BAD_JSON");
    hub.post(&format!("{of_room}/$no"), &admin, json!({})).await.refused(404, "M_NOT_FOUND");
    hub.post(&format!("{PURGE}/!no:hub.test/$no"), &admin, json!({})).await.refused(404, "M_NOT_FOUND");
    hub.get(&format!("{PURGE}_status/none"), &admin).await.refused(404, "M_NOT_FOUND");
}
