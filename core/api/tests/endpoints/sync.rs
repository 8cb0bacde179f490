use std::time::Duration;

use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text, sync, texts};

#[tokio::test]
async fn create_join_send_sync_makes_a_round_trip() {
    let hub = TestHub::start().await;
    let ((_, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(&hub, &alice, json!({ "name": "Town square", "topic": "talk", "invite": [bob_id] })).await;

    let invited = sync(&hub, &bob, "").await;
    let stripped = invited["rooms"]["invite"][&room]["invite_state"]["events"].as_array().expect("stripped state");
    let types: Vec<_> = stripped.iter().filter_map(|event| event["type"].as_str()).collect();
    assert!(types.contains(&"m.room.create") && types.contains(&"m.room.name"), "{types:?}");
    let since = invited["next_batch"].as_str().expect("a token").to_owned();

    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), &bob, json!({})).await.ok();
    let joined = sync(&hub, &bob, &since).await;
    let joined_room = &joined["rooms"]["join"][&room];
    assert_eq!(joined_room["summary"]["m.joined_member_count"], 2, "{joined_room}");
    assert!(joined_room["timeline"]["prev_batch"].is_string());
    let since = joined["next_batch"].as_str().expect("a token").to_owned();

    let event_id = send_text(&hub, &alice, &room, "t1", "hello").await;
    let heard = sync(&hub, &bob, &since).await;
    let timeline = &heard["rooms"]["join"][&room]["timeline"];
    assert_eq!(texts(timeline), ["hello"]);
    assert_eq!(timeline["events"][0]["event_id"], *event_id);
    assert_eq!(timeline["events"][0]["unsigned"]["membership"], "join");
    assert!(timeline["events"][0].get("room_id").is_none(), "{timeline}");
    assert!(timeline["events"][0]["unsigned"].get("transaction_id").is_none(), "only the sender's device sees it");
    assert!(timeline.get("limited").is_none_or(|limited| limited == false), "{timeline}");
    assert_eq!(heard["rooms"]["join"][&room]["unread_notifications"]["notification_count"], 1);

    let own = sync(&hub, &alice, "").await;
    let last = own["rooms"]["join"][&room]["timeline"]["events"].as_array().and_then(|events| events.last());
    assert_eq!(last.expect("an event")["unsigned"]["transaction_id"], "t1");
}

#[tokio::test]
async fn waiting_client_is_woken_by_a_message() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let room = create(&hub, &alice, json!({})).await;
    let since = sync(&hub, &alice, "").await["next_batch"].as_str().expect("a token").to_owned();
    // Its own presence is nothing that it waits for.
    let since = format!("{since}&timeout=30000");
    let waiting = sync(&hub, &alice, &since);
    let sending = async {
        tokio::task::yield_now().await;
        send_text(&hub, &alice, &room, "t1", "wake up").await
    };
    let started = std::time::Instant::now();
    let (woken, _) = tokio::join!(waiting, sending);
    assert_eq!(texts(&woken["rooms"]["join"][&room]["timeline"]), ["wake up"]);
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn nothing_new_answers_with_an_empty_response_when_the_time_is_over() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    create(&hub, &alice, json!({})).await;
    let first = sync(&hub, &alice, "").await;
    let again = sync(&hub, &alice, &format!("{}&timeout=50", first["next_batch"].as_str().expect("a token"))).await;
    assert!(again.get("rooms").is_none(), "{again}");
    hub.get("/_matrix/client/v3/sync?since=nonsense", &alice).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn gap_is_limited_carries_the_state_between_and_its_token_pages_back_over_it() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let room = create(&hub, &alice, json!({})).await;
    let since = sync(&hub, &alice, "").await["next_batch"].as_str().expect("a token").to_owned();
    let path = format!("/_matrix/client/v3/rooms/{}/state/m.room.topic/", encode(&room));
    hub.put(&path, &alice, json!({ "topic": "in the gap" })).await.ok();
    for number in 0..8 {
        send_text(&hub, &alice, &room, &format!("t{number}"), &format!("line {number}")).await;
    }
    let filter = encode(&json!({ "room": { "timeline": { "limit": 3 } } }).to_string());
    let synced = sync(&hub, &alice, &format!("{since}&filter={filter}")).await;
    let joined = &synced["rooms"]["join"][&room];
    assert_eq!(joined["timeline"]["limited"], true);
    assert_eq!(texts(&joined["timeline"]), ["line 5", "line 6", "line 7"]);
    let state = joined["state"]["events"].as_array().expect("state");
    assert_eq!(state.len(), 1, "{state:?}");
    assert_eq!(state[0]["content"]["topic"], "in the gap");

    let from = joined["timeline"]["prev_batch"].as_str().expect("a token");
    let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&from={from}&to={since}&limit=4", encode(&room));
    let page = hub.get(&path, &alice).await.ok();
    let bodies: Vec<_> =
        page["chunk"].as_array().expect("events").iter().map(|event| &event["content"]["body"]).collect();
    assert_eq!(bodies, ["line 4", "line 3", "line 2", "line 1"]);
    let path = format!(
        "/_matrix/client/v3/rooms/{}/messages?dir=b&from={}&to={since}",
        encode(&room),
        page["end"].as_str().expect("more")
    );
    let rest = hub.get(&path, &alice).await.ok();
    let types: Vec<_> = rest["chunk"].as_array().expect("events").iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["m.room.message", "m.room.topic"]);
}

#[tokio::test]
async fn state_after_holds_the_state_at_the_end_of_the_timeline() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let room = create(&hub, &alice, json!({})).await;
    let since = sync(&hub, &alice, "").await["next_batch"].as_str().expect("a token").to_owned();
    let path = format!("/_matrix/client/v3/rooms/{}/state/m.room.name/", encode(&room));
    hub.put(&path, &alice, json!({ "name": "new" })).await.ok();
    let synced = sync(&hub, &alice, &format!("{since}&use_state_after=true")).await;
    let joined = &synced["rooms"]["join"][&room];
    assert_eq!(joined["state_after"]["events"][0]["content"]["name"], "new", "{joined}");
    assert!(joined.get("state").is_none());
    assert_eq!(joined["timeline"]["events"][0]["type"], "m.room.name");
}

#[tokio::test]
async fn lazy_members_come_with_their_first_message_only() {
    let hub = TestHub::start().await;
    let ((_, alice), (bob_id, bob), (carol_id, carol)) =
        (hub.user("alice").await, hub.user("bob").await, hub.user("carol").await);
    let room = create(&hub, &alice, json!({ "preset": "public_chat", "name": "named" })).await;
    for token in [&bob, &carol] {
        hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), token, json!({})).await.ok();
    }
    for number in 0..3 {
        send_text(&hub, &alice, &room, &format!("a{number}"), "filler").await;
    }
    let filter =
        encode(&json!({ "room": { "timeline": { "limit": 1 }, "state": { "lazy_load_members": true } } }).to_string());
    let members = |synced: &Value| -> Vec<String> {
        let events = synced["rooms"]["join"][&room]["state"]["events"].as_array().cloned().unwrap_or_default();
        let members = events.iter().filter(|event| event["type"] == "m.room.member");
        members.filter_map(|event| event["state_key"].as_str().map(str::to_owned)).collect()
    };
    let first = sync(&hub, &alice, &format!("&filter={filter}")).await;
    assert_eq!(members(&first), ["@alice:hub.test"]);
    let since = first["next_batch"].as_str().expect("a token");
    send_text(&hub, &bob, &room, "b1", "hello").await;
    let second = sync(&hub, &alice, &format!("{since}&filter={filter}")).await;
    assert_eq!(members(&second), [bob_id.as_str()]);
    let again = sync(&hub, &alice, &format!("{since}&filter={filter}")).await;
    assert_eq!(members(&again), [bob_id.as_str()], "the response may have been lost");
    send_text(&hub, &bob, &room, "b2", "hello again").await;
    let since = again["next_batch"].as_str().expect("a token");
    let third = sync(&hub, &alice, &format!("{since}&filter={filter}")).await;
    assert!(members(&third).is_empty(), "{third}");
    assert!(!members(&third).contains(&carol_id.to_string()));
}

#[tokio::test]
async fn filter_by_id_and_inline_leaves_out_what_it_names() {
    let hub = TestHub::start().await;
    let (user_id, alice) = hub.user("alice").await;
    let room = create(&hub, &alice, json!({ "name": "x" })).await;
    send_text(&hub, &alice, &room, "t1", "seen").await;
    let filter = json!({
        "event_fields": ["type", "content.body"],
        "presence": { "not_types": ["*"] },
        "account_data": { "not_types": ["*"] },
        "room": { "state": { "types": [] }, "timeline": { "types": ["m.room.mess*"] } },
    });
    let path = format!("/_matrix/client/v3/user/{}/filter", encode(user_id.as_str()));
    let stored = hub.post(&path, &alice, filter.clone()).await.ok();
    for filter in [stored["filter_id"].as_str().expect("an id").to_owned(), encode(&filter.to_string())] {
        let synced = sync(&hub, &alice, &format!("&filter={filter}")).await;
        assert!(synced.get("account_data").is_none(), "{synced}");
        let joined = &synced["rooms"]["join"][&room];
        assert_eq!(joined["timeline"]["events"], json!([{ "type": "m.room.message", "content": { "body": "seen" } }]));
        assert!(joined.get("state").is_none(), "{joined}");
    }
    hub.get("/_matrix/client/v3/sync?filter=unknown", &alice).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn kicked_user_sees_the_kick_and_nothing_after_it() {
    let hub = TestHub::start().await;
    let ((_, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), &bob, json!({})).await.ok();
    let since = sync(&hub, &bob, "").await["next_batch"].as_str().expect("a token").to_owned();
    send_text(&hub, &alice, &room, "t1", "before").await;
    let path = format!("/_matrix/client/v3/rooms/{}/kick", encode(&room));
    hub.post(&path, &alice, json!({ "user_id": bob_id, "reason": "bye" })).await.ok();
    send_text(&hub, &alice, &room, "t2", "after").await;
    let synced = sync(&hub, &bob, &since).await;
    let left = &synced["rooms"]["leave"][&room]["timeline"];
    assert_eq!(texts(left), ["before"]);
    let last = left["events"].as_array().and_then(|events| events.last()).expect("the kick");
    assert_eq!(last["content"]["membership"], "leave");
    assert_eq!(last["unsigned"]["prev_content"]["membership"], "join");
    assert!(synced["rooms"].get("join").is_none(), "{synced}");
    let again = sync(&hub, &bob, synced["next_batch"].as_str().expect("a token")).await;
    assert!(again.get("rooms").is_none(), "{again}");
}

#[tokio::test]
async fn ban_after_a_kick_shows_the_ban_alone() {
    let hub = TestHub::start().await;
    let ((_, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), &bob, json!({})).await.ok();
    send_text(&hub, &alice, &room, "t1", "hello").await;
    let mut since = sync(&hub, &bob, "").await["next_batch"].as_str().expect("a token").to_owned();
    for (verb, membership) in [("kick", "leave"), ("ban", "ban")] {
        let path = format!("/_matrix/client/v3/rooms/{}/{verb}", encode(&room));
        hub.post(&path, &alice, json!({ "user_id": bob_id })).await.ok();
        send_text(&hub, &alice, &room, verb, "without bob").await;
        let synced = sync(&hub, &bob, &since).await;
        let left = &synced["rooms"]["leave"][&room];
        let events = left["timeline"]["events"].as_array().expect("events");
        let memberships: Vec<_> = events.iter().map(|event| &event["content"]["membership"]).collect();
        assert_eq!(memberships, [membership], "{left}");
        assert_eq!(left["state"]["events"], json!([]), "it is written though it is empty");
        since = synced["next_batch"].as_str().expect("a token").to_owned();
    }
}

#[tokio::test]
async fn declined_invite_shows_nothing_of_the_room() {
    let hub = TestHub::start().await;
    let ((_, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(&hub, &alice, json!({ "invite": [bob_id], "name": "secret" })).await;
    let since = sync(&hub, &bob, "").await["next_batch"].as_str().expect("a token").to_owned();
    send_text(&hub, &alice, &room, "t1", "between us").await;
    hub.post(&format!("/_matrix/client/v3/rooms/{}/leave", encode(&room)), &bob, json!({})).await.ok();
    let left = sync(&hub, &bob, &since).await["rooms"]["leave"][&room].clone();
    let events = left["timeline"]["events"].as_array().expect("the leave");
    assert!(events.iter().all(|event| event["state_key"] == bob_id.as_str()), "{left}");
    assert_eq!(left["state"]["events"], json!([]), "{left}");
}

#[tokio::test]
async fn receipts_typing_and_unread_counts_follow_each_other() {
    let hub = TestHub::start().await;
    let ((_, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), &bob, json!({})).await.ok();
    let since = sync(&hub, &bob, "").await["next_batch"].as_str().expect("a token").to_owned();
    send_text(&hub, &alice, &room, "t1", "one").await;
    let second = send_text(&hub, &alice, &room, "t2", "two, @bob:hub.test").await;
    let heard = sync(&hub, &bob, &since).await;
    assert_eq!(heard["rooms"]["join"][&room]["unread_notifications"]["notification_count"], 2);
    let since = heard["next_batch"].as_str().expect("a token").to_owned();

    let typing = format!("/_matrix/client/v3/rooms/{}/typing/{}", encode(&room), encode(bob_id.as_str()));
    hub.put(&typing, &bob, json!({ "typing": true, "timeout": 30000 })).await.ok();
    let receipt = format!("/_matrix/client/v3/rooms/{}/receipt/m.read/{}", encode(&room), encode(&second));
    hub.post(&receipt, &bob, json!({})).await.ok();
    let read = sync(&hub, &bob, &since).await;
    let joined = &read["rooms"]["join"][&room];
    assert_eq!(joined["unread_notifications"]["notification_count"], 0, "{joined}");
    let ephemeral = joined["ephemeral"]["events"].as_array().expect("both");
    let of =
        |wanted: &str| ephemeral.iter().find(|event| event["type"] == wanted).expect("an event")["content"].clone();
    assert!(of("m.receipt")[&second]["m.read"][bob_id.as_str()]["ts"].is_i64());
    assert_eq!(of("m.typing")["user_ids"], json!([bob_id]));

    let since = read["next_batch"].as_str().expect("a token").to_owned();
    let private = format!("/_matrix/client/v3/rooms/{}/receipt/m.read.private/{}", encode(&room), encode(&second));
    hub.post(&private, &bob, json!({})).await.ok();
    let others = sync(&hub, &alice, &since).await;
    assert!(!others.to_string().contains("m.read.private"), "{others}");
}

#[tokio::test]
async fn redaction_empties_the_event_also_where_it_was_cached() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let room = create(&hub, &alice, json!({})).await;
    let since = sync(&hub, &alice, "").await["next_batch"].as_str().expect("a token").to_owned();
    let event_id = send_text(&hub, &alice, &room, "t1", "a slip").await;
    let path = format!("/_matrix/client/v3/rooms/{}/redact/{}/r1", encode(&room), encode(&event_id));
    let redaction = hub.put(&path, &alice, json!({ "reason": "slip" })).await.ok()["event_id"].clone();
    assert_eq!(hub.put(&path, &alice, json!({ "reason": "slip" })).await.ok()["event_id"], redaction);
    let synced = sync(&hub, &alice, &since).await;
    let events = synced["rooms"]["join"][&room]["timeline"]["events"].as_array().cloned().expect("both");
    assert_eq!(events[0]["content"], json!({}));
    assert_eq!(events[0]["unsigned"]["redacted_because"]["event_id"], redaction);
    assert_eq!(events[1]["redacts"], *event_id);
    assert_eq!(events[1]["content"]["redacts"], *event_id);
}

#[tokio::test]
async fn to_device_messages_come_until_they_are_acknowledged() {
    let hub = TestHub::start().await;
    let ((_, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let messages = json!({ "messages": { bob_id.as_str(): { "*": { "x": 1 } } } });
    hub.put("/_matrix/client/v3/sendToDevice/m.test/t1", &alice, messages).await.ok();
    let first = sync(&hub, &bob, "").await;
    assert_eq!(first["to_device"]["events"][0]["content"]["x"], 1);
    let again = sync(&hub, &bob, "").await;
    assert_eq!(again["to_device"]["events"].as_array().map(Vec::len), Some(1));
    let next = sync(&hub, &bob, again["next_batch"].as_str().expect("a token")).await;
    assert!(next.get("to_device").is_none(), "{next}");
    let anew = sync(&hub, &bob, "").await;
    assert!(anew.get("to_device").is_none(), "{anew}");
}
