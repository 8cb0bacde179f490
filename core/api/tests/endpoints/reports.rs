use serde_json::json;

use super::hub::{TestHub, create, encode, send_text};

#[tokio::test]
async fn what_is_reported_is_read_by_admins_newest_first() {
    let hub = TestHub::start().await;
    let ((alice_id, alice), (bob_id, bob), (_, carol)) =
        (hub.user("alice").await, hub.user("bob").await, hub.user("carol").await);
    let admin = hub.user("admin").await;
    hub.api.accounts.set_admin(&admin.0, true).await.expect("a commit");
    let room = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), &bob, json!({})).await.ok();
    let events = [send_text(&hub, &alice, &room, "t1", "one").await, send_text(&hub, &alice, &room, "t2", "two").await];
    let base = format!("/_matrix/client/v3/rooms/{}/report", encode(&room));
    for event in &events {
        let body = json!({ "reason": "rude", "score": -100 });
        hub.post(&format!("{base}/{}", encode(event)), &bob, body).await.ok();
    }
    hub.post(&format!("{base}/{}", encode(&events[0])), &carol, json!({})).await.refused(404, "M_NOT_FOUND");
    hub.post(&format!("{base}/$no"), &bob, json!({})).await.refused(404, "M_NOT_FOUND");
    let long = json!({ "reason": "x".repeat(20_000) });
    hub.post(&format!("{base}/{}", encode(&events[0])), &bob, long).await.refused(413, "M_TOO_LARGE");
    hub.post(&base, &carol, json!({ "reason": "from outside" })).await.ok();
    hub.post("/_matrix/client/v3/rooms/!no:hub.test/report", &carol, json!({ "reason": "" }))
        .await
        .refused(404, "M_NOT_FOUND");
    let user = format!("/_matrix/client/v3/users/{alice_id}/report");
    hub.post(&user, &bob, json!({ "reason": "spam" })).await.ok();
    let unknown = "/_matrix/client/v3/users/@nobody:hub.test/report";
    hub.post(unknown, &bob, json!({ "reason": "spam" })).await.refused(404, "M_NOT_FOUND");

    let list = "/_synapse/admin/v1/event_reports";
    hub.get(list, &bob).await.refused(403, "M_FORBIDDEN");
    let page = hub.get(&format!("{list}?limit=1"), &admin.1).await.ok();
    assert_eq!((&page["total"], &page["next_token"]), (&json!(2), &json!(1)));
    let report = &page["event_reports"][0];
    assert_eq!((&report["event_id"], &report["score"]), (&json!(events[1]), &json!(-100)));
    assert_eq!((&report["user_id"], &report["sender"]), (&json!(bob_id), &json!(alice_id)));
    assert_eq!((&report["room_id"], &report["reason"]), (&json!(room), &json!("rude")));
    let page = hub.get(&format!("{list}?limit=1&from=1"), &admin.1).await.ok();
    assert_eq!(page["event_reports"][0]["event_id"], events[0].as_str());
    assert!(page.get("next_token").is_none());
    let users = hub.get("/_synapse/admin/v1/user_reports", &admin.1).await.ok();
    assert_eq!(users["user_reports"][0]["target_user_id"], alice_id.as_str());
    let rooms = hub.get("/_causeway/admin/v1/room_reports", &admin.1).await.ok();
    assert_eq!(rooms["room_reports"][0]["reason"], "from outside");
}
