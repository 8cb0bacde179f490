use serde_json::{Value, json};

use super::hub::{Answered, TestHub, create, encode, send_text};

const PATH: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";

async fn ask(hub: &TestHub, token: &str, pos: &str, body: Value) -> Answered {
    let query = if pos.is_empty() { String::new() } else { format!("?pos={pos}") };
    hub.post(&format!("{PATH}{query}"), token, body).await
}

fn list(last: u64, required_state: Value) -> Value {
    json!({ "lists": { "all": { "ranges": [[0, last]], "timeline_limit": 5, "required_state": required_state } } })
}

fn pos(answer: &Value) -> &str {
    answer["pos"].as_str().expect("a pos")
}

fn texts(room: &Value) -> Vec<&str> {
    let timeline = room["timeline"].as_array().expect("a timeline");
    timeline.iter().filter_map(|event| event["content"]["body"].as_str()).collect()
}

/// Types and state keys of a room's required state, sorted.
fn state(room: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let events = room["required_state"].as_array().expect("events").iter();
    let mut keys: Vec<_> = events.map(|event| (text(&event["type"]), text(&event["state_key"]))).collect();
    keys.sort();
    keys
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["rooms"].as_object().expect("rooms").keys().map(String::as_str).collect()
}

async fn room(hub: &TestHub, token: &str, name: &str) -> String {
    create(hub, token, json!({ "name": name, "preset": "public_chat" })).await
}

async fn join(hub: &TestHub, token: &str, room: &str) {
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(room)), token, json!({})).await.ok();
}

#[tokio::test]
async fn list_shows_the_newest_rooms_of_its_window_and_counts_all() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let mut rooms = Vec::new();
    for name in ["one", "two", "three"] {
        rooms.push(room(&hub, &alice, name).await);
    }
    send_text(&hub, &alice, &rooms[0], "t1", "up").await;
    // What is no message moves no room.
    let topic = format!("/_matrix/client/v3/rooms/{}/state/m.room.topic/", encode(&rooms[1]));
    hub.put(&topic, &alice, json!({ "topic": "x" })).await.ok();
    let answer = ask(&hub, &alice, "", list(1, json!([["m.room.name", ""]]))).await.ok();
    assert_eq!(answer["lists"], json!({ "all": { "count": 3 } }));
    let mut expected = [rooms[0].as_str(), &rooms[2]];
    expected.sort_unstable();
    assert_eq!(ids(&answer), expected);
    let first = &answer["rooms"][&rooms[0]];
    assert_eq!((&first["initial"], &first["name"]), (&json!(true), &json!("one")));
    assert_eq!((&first["joined_count"], &first["membership"]), (&json!(1), &json!("join")));
    assert_eq!(texts(first), ["up"]);
    assert_eq!((&first["limited"], &first["num_live"]), (&json!(true), &json!(0)));
    assert_eq!(state(first), [("m.room.name".to_owned(), String::new())]);
    assert!(first["bump_stamp"].as_i64() > answer["rooms"][&rooms[2]]["bump_stamp"].as_i64());

    // A wider window brings only what was not seen before.
    let wider = ask(&hub, &alice, pos(&answer), list(9, json!([["m.room.name", ""]]))).await.ok();
    assert_eq!(ids(&wider), [rooms[1].as_str()]);
    assert_eq!(wider["rooms"][&rooms[1]]["initial"], true);
}

#[tokio::test]
async fn filters_choose_rooms_by_type_encryption_directness_invites_and_tags() {
    let hub = TestHub::start().await;
    let ((alice_id, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let plain = room(&hub, &alice, "plain").await;
    let encryption = json!({ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
    let secret = create(&hub, &alice, json!({ "name": "secret", "initial_state": [encryption] })).await;
    let space = create(&hub, &alice, json!({ "name": "space", "creation_content": { "type": "m.space" } })).await;
    let invited = create(&hub, &bob, json!({ "name": "invited", "invite": [alice_id] })).await;
    let data = |kind: &str| format!("/_matrix/client/v3/user/{alice_id}/account_data/{kind}");
    hub.put(&data("m.direct"), &alice, json!({ (bob_id.as_str()): [secret] })).await.ok();
    let tag = format!("/_matrix/client/v3/user/{alice_id}/rooms/{}/tags/m.favourite", encode(&plain));
    hub.put(&tag, &alice, json!({})).await.ok();
    let found = async |filters: Value| {
        let body = json!({ "lists": { "l": { "ranges": [[0, 9]], "timeline_limit": 1, "filters": filters } } });
        let answer = ask(&hub, &alice, "", body).await.ok();
        let rooms = answer["rooms"].as_object().expect("rooms");
        let mut names: Vec<_> = rooms.values().map(|room| room["name"].as_str().unwrap_or("-").to_owned()).collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(found(json!({})).await, "invited plain secret space");
    assert_eq!(found(json!({ "is_invite": true })).await, "invited");
    assert_eq!(found(json!({ "is_encrypted": true })).await, "secret");
    assert_eq!(found(json!({ "is_dm": true })).await, "secret");
    assert_eq!(found(json!({ "room_types": ["m.space"] })).await, "space");
    assert_eq!(found(json!({ "not_room_types": ["m.space"], "is_invite": false })).await, "plain secret");
    assert_eq!(found(json!({ "room_types": [null] })).await, "invited plain secret");
    assert_eq!(found(json!({ "tags": ["m.favourite"] })).await, "plain");
    assert_eq!(found(json!({ "not_tags": ["m.favourite"], "is_invite": false })).await, "secret space");
    let answer = ask(&hub, &alice, "", list(9, json!([]))).await.ok();
    assert_eq!(answer["rooms"][&secret]["is_dm"], true);
    let invite = &answer["rooms"][&invited];
    assert!(invite["invite_state"].as_array().is_some_and(|events| !events.is_empty()) && invite["timeline"].is_null());
    assert!(ids(&answer).contains(&space.as_str()));
}

#[tokio::test]
async fn only_what_is_new_comes_and_a_lost_answer_comes_again() {
    let hub = TestHub::start().await;
    let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let busy = room(&hub, &alice, "busy").await;
    let quiet = room(&hub, &alice, "quiet").await;
    join(&hub, &bob, &busy).await;
    let body = || list(9, json!([["m.room.topic", ""]]));
    let first = ask(&hub, &alice, "", body()).await.ok();
    let nothing = ask(&hub, &alice, pos(&first), body()).await.ok();
    assert_eq!((ids(&nothing), &nothing["lists"]["all"]["count"]), (vec![], &json!(2)));

    send_text(&hub, &bob, &busy, "t1", "hello").await;
    let topic = format!("/_matrix/client/v3/rooms/{}/state/m.room.topic/", encode(&busy));
    hub.put(&topic, &alice, json!({ "topic": "news" })).await.ok();
    let second = ask(&hub, &alice, pos(&nothing), body()).await.ok();
    let again = ask(&hub, &alice, pos(&nothing), body()).await.ok();
    for answer in [&second, &again] {
        assert_eq!(ids(answer), [busy.as_str()]);
        let room = &answer["rooms"][&busy];
        assert_eq!((texts(room), &room["num_live"], &room["limited"]), (vec!["hello"], &json!(2), &json!(false)));
        assert!(room.get("initial").is_none());
        assert_eq!(state(room), [("m.room.topic".to_owned(), String::new())]);
        assert_eq!(room["notification_count"], 1);
    }
    assert_eq!(
        ask(&hub, &alice, pos(&second), body()).await.json()["errcode"],
        "M_UNKNOWN_POS",
        "it was answered anew"
    );
    for number in 0..7 {
        send_text(&hub, &bob, &busy, &format!("m{number}"), &format!("{number}")).await;
    }
    let third = ask(&hub, &alice, pos(&again), body()).await.ok();
    let room = &third["rooms"][&busy];
    assert_eq!((texts(room), &room["limited"]), (vec!["2", "3", "4", "5", "6"], &json!(true)));
    let from = room["prev_batch"].as_str().expect("a token");
    let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit=2&from={from}", encode(&busy));
    let page = hub.get(&path, &alice).await.ok();
    let before: Vec<_> = page["chunk"].as_array().unwrap().iter().map(|event| &event["content"]["body"]).collect();
    assert_eq!(before, ["1", "0"]);
    ask(&hub, &alice, pos(&first), body()).await.refused(400, "M_UNKNOWN_POS");
    ask(&hub, &bob, pos(&third), body()).await.refused(400, "M_UNKNOWN_POS");
    assert!(!ids(&third).contains(&quiet.as_str()));
}

#[tokio::test]
async fn subscription_asks_for_more_and_members_come_with_who_speaks() {
    let hub = TestHub::start().await;
    let ((_, alice), (_, bob), (_, carol)) = (hub.user("alice").await, hub.user("bob").await, hub.user("carol").await);
    let room = room(&hub, &alice, "room").await;
    join(&hub, &bob, &room).await;
    join(&hub, &carol, &room).await;
    for number in 0..8 {
        send_text(&hub, &alice, &room, &format!("a{number}"), &format!("{number}")).await;
    }
    let lazy = json!([["m.room.member", "$LAZY"]]);
    let mut body = json!({ "lists": { "all": { "ranges": [[0, 0]], "timeline_limit": 2, "required_state": lazy } } });
    let first = ask(&hub, &alice, "", body.clone()).await.ok();
    let shown = &first["rooms"][&room];
    let member = |user: &str| ("m.room.member".to_owned(), format!("@{user}:hub.test"));
    assert_eq!((texts(shown), state(shown)), (vec!["6", "7"], vec![member("alice")]));

    let required = json!([["m.room.member", "$LAZY"], ["m.room.name", ""], ["m.room.create", ""]]);
    body["room_subscriptions"] = json!({ (room.as_str()): { "timeline_limit": 4, "required_state": required } });
    let second = ask(&hub, &alice, pos(&first), body.clone()).await.ok();
    let shown = &second["rooms"][&room];
    assert_eq!(texts(shown), ["4", "5", "6", "7"]);
    assert_eq!((&shown["unstable_expanded_timeline"], &shown["limited"]), (&json!(true), &json!(true)));
    let single = |kind: &str| (kind.to_owned(), String::new());
    assert_eq!(state(shown), [single("m.room.create"), single("m.room.name")]);
    let third = ask(&hub, &alice, pos(&second), body.clone()).await.ok();
    assert!(ids(&third).is_empty());

    send_text(&hub, &bob, &room, "b1", "from bob").await;
    let fourth = ask(&hub, &alice, pos(&third), body.clone()).await.ok();
    assert_eq!(state(&fourth["rooms"][&room]), [member("bob")]);
    send_text(&hub, &bob, &room, "b2", "again").await;
    let fifth = ask(&hub, &alice, pos(&fourth), body.clone()).await.ok();
    assert!(state(&fifth["rooms"][&room]).is_empty(), "bob is known");
    let name = "/_matrix/client/v3/profile/@bob:hub.test/displayname";
    hub.put(name, &bob, json!({ "displayname": "Robert" })).await.ok();
    let sixth = ask(&hub, &alice, pos(&fifth), body.clone()).await.ok();
    assert_eq!(state(&sixth["rooms"][&room]), [member("bob")], "and has another name");

    let me = json!([["m.room.member", "$ME"], ["m.room.power_levels", "*"]]);
    let own = ask(&hub, &carol, "", list(0, me)).await.ok();
    assert_eq!(state(&own["rooms"][&room]), [member("carol"), single("m.room.power_levels")]);
    let all = ask(&hub, &carol, "", list(0, json!([["*", "*"]]))).await.ok();
    assert!(state(&all["rooms"][&room]).len() > 8);
}

#[tokio::test]
async fn room_that_is_left_shows_its_end_and_one_that_is_joined_again_comes_whole() {
    let hub = TestHub::start().await;
    let ((_, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = room(&hub, &alice, "room").await;
    join(&hub, &bob, &room).await;
    let body = || list(9, json!([["m.room.member", "$ME"], ["m.room.name", ""]]));
    let first = ask(&hub, &bob, "", body()).await.ok();
    let kick = json!({ "user_id": bob_id, "reason": "noise" });
    hub.post(&format!("/_matrix/client/v3/rooms/{}/kick", encode(&room)), &alice, kick).await.ok();
    send_text(&hub, &alice, &room, "t1", "without bob").await;
    let gone = ask(&hub, &bob, pos(&first), body()).await.ok();
    let shown = &gone["rooms"][&room];
    assert_eq!((&shown["membership"], texts(shown).len()), (&json!("leave"), 0));
    let end = shown["timeline"].as_array().unwrap().last().unwrap();
    assert_eq!((&end["content"]["membership"], &end["content"]["reason"]), (&json!("leave"), &json!("noise")));
    let after = ask(&hub, &bob, pos(&gone), body()).await.ok();
    assert_eq!((ids(&after), &after["lists"]["all"]["count"]), (vec![], &json!(0)));
    let anew = ask(&hub, &bob, "", body()).await.ok();
    assert!(ids(&anew).is_empty(), "who begins anew is not told of it");

    join(&hub, &bob, &room).await;
    let back = ask(&hub, &bob, pos(&anew), body()).await.ok();
    let shown = &back["rooms"][&room];
    assert_eq!((&shown["initial"], &shown["name"]), (&json!(true), &json!("room")));
    assert!(texts(shown).contains(&"without bob"), "shared history: {shown}");
}

#[tokio::test]
async fn extensions_bring_messages_keys_account_data_receipts_and_typing() {
    let hub = TestHub::start().await;
    let ((alice_id, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let encryption = json!({ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
    let body = json!({ "preset": "public_chat", "initial_state": [encryption] });
    let room = create(&hub, &alice, body).await;
    join(&hub, &bob, &room).await;
    let event = send_text(&hub, &bob, &room, "t1", "hello").await;
    let extensions = |since: Option<&str>| {
        let mut body = list(9, json!([]));
        let on = json!({ "enabled": true });
        body["extensions"] = json!({
            "to_device": { "enabled": true, "since": since }, "e2ee": on, "account_data": on, "receipts": on, "typing": on,
        });
        body
    };
    let send = async |txn: &str| {
        let messages = json!({ "messages": { (alice_id.as_str()): { "*": { "n": txn } } } });
        hub.put(&format!("/_matrix/client/v3/sendToDevice/m.test/{txn}"), &bob, messages).await.ok();
    };
    send("one").await;
    let first = ask(&hub, &alice, "", extensions(None)).await.ok();
    let shown = &first["extensions"];
    assert_eq!(shown["to_device"]["events"][0]["content"]["n"], "one");
    assert_eq!(shown["e2ee"]["device_one_time_keys_count"], json!({ "signed_curve25519": 0 }));
    assert_eq!(shown["account_data"]["global"][0]["type"], "m.push_rules");
    assert_eq!((&shown["receipts"]["rooms"], &shown["typing"]["rooms"]), (&json!({}), &json!({})));
    let since = shown["to_device"]["next_batch"].as_str().expect("a token");

    // Not acknowledged yet: it comes again.
    let again = ask(&hub, &alice, pos(&first), extensions(None)).await.ok();
    assert_eq!(again["extensions"]["to_device"]["events"][0]["content"]["n"], "one");
    send("two").await;
    let in_room = |rest: &str| format!("/_matrix/client/v3/rooms/{}/{rest}", encode(&room));
    hub.post(&in_room(&format!("receipt/m.read/{}", encode(&event))), &bob, json!({})).await.ok();
    hub.put(&in_room(&format!("typing/{bob_id}")), &bob, json!({ "typing": true, "timeout": 20_000 })).await.ok();
    let data = format!("/_matrix/client/v3/user/{alice_id}/account_data/m.test");
    hub.put(&data, &alice, json!({ "x": 1 })).await.ok();
    let data = format!("/_matrix/client/v3/user/{alice_id}/rooms/{}/account_data/m.test", encode(&room));
    hub.put(&data, &alice, json!({ "y": 2 })).await.ok();
    let whoami = hub.get("/_matrix/client/v3/account/whoami", &bob).await.ok();
    let keys = json!({ "user_id": bob_id, "device_id": whoami["device_id"], "keys": { "ed25519:D": "x" } });
    hub.post("/_matrix/client/v3/keys/upload", &bob, json!({ "device_keys": keys })).await.ok();
    let second = ask(&hub, &alice, pos(&again), extensions(Some(since))).await.ok();
    let shown = &second["extensions"];
    let events = shown["to_device"]["events"].as_array().expect("events");
    assert_eq!((events.len(), &events[0]["content"]["n"]), (1, &json!("two")));
    assert_eq!(shown["e2ee"]["device_lists"]["changed"], json!([bob_id]));
    let global = json!([{ "type": "m.test", "content": { "x": 1 } }]);
    assert_eq!(shown["account_data"]["global"], global);
    assert_eq!(shown["account_data"]["rooms"][&room], json!([{ "type": "m.test", "content": { "y": 2 } }]));
    assert!(shown["receipts"]["rooms"][&room]["content"][&event]["m.read"][bob_id.as_str()].is_object());
    assert_eq!(shown["typing"]["rooms"][&room]["content"]["user_ids"], json!([bob_id]));

    // Only of the lists that are named.
    let mut body = extensions(Some(since));
    body["extensions"]["typing"] = json!({ "enabled": true, "lists": ["other"], "rooms": [] });
    let narrow = ask(&hub, &alice, "", body).await.ok();
    assert_eq!(narrow["extensions"]["typing"]["rooms"], json!({}));
    assert!(narrow["extensions"]["receipts"]["rooms"][&room].is_object(), "a new connection is told of receipts");
    let mut body = extensions(Some("x"));
    ask(&hub, &alice, "", body.clone()).await.refused(400, "M_INVALID_PARAM");
    body = list(9, json!([]));
    body["lists"]["all"]["ranges"] = json!([[3, 1]]);
    ask(&hub, &alice, "", body).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn who_waits_is_woken_by_a_message_and_not_by_what_is_not_seen() {
    let hub = std::sync::Arc::new(TestHub::start().await);
    let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = room(&hub, &alice, "room").await;
    join(&hub, &bob, &room).await;
    let mut body = list(9, json!([]));
    body["conn_id"] = json!("main");
    body["txn_id"] = json!("t-1");
    let first = ask(&hub, &alice, "", body.clone()).await.ok();
    assert_eq!(first["txn_id"], "t-1");
    let waiting = {
        let (hub, alice, pos) = (std::sync::Arc::clone(&hub), alice.clone(), pos(&first).to_owned());
        tokio::spawn(async move { hub.post(&format!("{PATH}?pos={pos}&timeout=30000"), &alice, body).await.ok() })
    };
    // A receipt is nothing without its extension.
    let event = send_text(&hub, &bob, &room, "t1", "wake up").await;
    let answer = waiting.await.expect("no panic");
    assert_eq!(texts(&answer["rooms"][&room]), ["wake up"]);
    let begun = std::time::Instant::now();
    let read = format!("/_matrix/client/v3/rooms/{}/receipt/m.read/{}", encode(&room), encode(&event));
    hub.post(&read, &bob, json!({})).await.ok();
    let mut body = list(9, json!([]));
    body["conn_id"] = json!("main");
    let empty = hub.post(&format!("{PATH}?pos={}&timeout=200", pos(&answer)), &alice, body).await.ok();
    assert!(ids(&empty).is_empty() && begun.elapsed() >= std::time::Duration::from_millis(200));
}

#[tokio::test]
async fn message_that_is_committed_while_an_answer_is_built_comes_with_its_room() {
    let hub = TestHub::start().await;
    let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = room(&hub, &alice, "room").await;
    join(&hub, &bob, &room).await;
    let mut answer = ask(&hub, &alice, "", list(9, json!([]))).await.ok();
    for n in 0..100 {
        let query = format!("{}&timeout=30000", pos(&answer));
        let (txn_id, said) = (format!("t{n}"), n.to_string());
        let (asked, _) =
            tokio::join!(ask(&hub, &alice, &query, list(9, json!([]))), send_text(&hub, &bob, &room, &txn_id, &said));
        answer = asked.ok();
        assert_eq!(texts(&answer["rooms"][&room]), [said]);
    }
}
