use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text};

const REGISTRATION: &str = r"
id: irc
url: null
as_token: as_token_of_irc
hs_token: hs_token_of_irc
sender_localpart: ircbot
rate_limited: false
namespaces:
  users:
    - regex: '@irc_.*:hub\.test'
      exclusive: true
  aliases:
    - regex: '#irc_.*:hub\.test'
      exclusive: true
";
const BRIDGE: &str = "as_token_of_irc";

fn room_path(room: &str, rest: &str) -> String {
    format!("/_matrix/client/v3/rooms/{}/{rest}", encode(room))
}

#[tokio::test]
async fn default_version_is_12_for_users_and_11_for_appservices() {
    let hub = TestHub::start().await;
    hub.api.registrations.add(REGISTRATION).await.expect("a valid registration");
    let (_, alice) = hub.user("alice").await;
    hub.post(
        "/_matrix/client/v3/register",
        BRIDGE,
        json!({ "type": "m.login.application_service", "username": "irc_a" }),
    )
    .await
    .ok();
    for (token, version) in [(alice.as_str(), "12"), (BRIDGE, "11")] {
        let who = if token == BRIDGE { "?user_id=@irc_a:hub.test" } else { "" };
        let body = json!({ "com.beeper.local_room_id": "x", "preset": "private_chat" });
        let made = hub.post(&format!("/_matrix/client/v3/createRoom{who}"), token, body).await.ok();
        let room = made["room_id"].as_str().expect("an id");
        let path = room_path(room, &format!("state/m.room.create{who}"));
        let content = hub.get(&path, token).await.ok();
        assert_eq!(content["room_version"], version);
    }
    let odd = json!({ "room_version": "org.nobody.1" });
    hub.post("/_matrix/client/v3/createRoom", &alice, odd).await.refused(400, "M_UNSUPPORTED_ROOM_VERSION");
}

#[tokio::test]
async fn repeated_transaction_answers_the_first_event_and_sends_nothing() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let room = create(&hub, &alice, json!({})).await;
    let first = send_text(&hub, &alice, &room, "same", "once").await;
    assert_eq!(send_text(&hub, &alice, &room, "same", "once").await, first);
    let page = hub.get(&room_path(&room, "messages?dir=b&limit=50"), &alice).await.ok();
    let messages = page["chunk"].as_array().expect("events").iter().filter(|event| event["type"] == "m.room.message");
    assert_eq!(messages.count(), 1);
}

#[tokio::test]
async fn unknown_content_keys_are_kept_and_state_is_read_back_whole() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let room = create(&hub, &alice, json!({})).await;
    let content = json!({ "topic": "x", "fi.mau.bridge.set_by": { "deep": [1, null, "ü"] } });
    hub.put(&room_path(&room, "state/m.room.topic"), &alice, content.clone()).await.ok();
    assert_eq!(hub.get(&room_path(&room, "state/m.room.topic/"), &alice).await.ok(), content);
    let event = hub.get(&room_path(&room, "state/m.room.topic?format=event"), &alice).await.ok();
    assert_eq!((&event["content"], &event["state_key"]), (&content, &json!("")));
    hub.get(&room_path(&room, "state/m.room.avatar"), &alice).await.refused(404, "M_NOT_FOUND");
    let state = hub.get(&room_path(&room, "state"), &alice).await.ok();
    assert!(state.as_array().expect("events").iter().any(|event| event["content"] == content));
}

#[tokio::test]
async fn member_states_by_put_invite_join_kick_and_leave() {
    let hub = TestHub::start().await;
    let ((alice_id, alice), (bob_id, bob), (_, carol)) =
        (hub.user("alice").await, hub.user("bob").await, hub.user("carol").await);
    let room = create(&hub, &alice, json!({ "preset": "private_chat" })).await;
    let member = |user: &str| room_path(&room, &format!("state/m.room.member/{}", encode(user)));
    hub.put(&member("@carol:hub.test"), &carol, json!({ "membership": "join" })).await.refused(403, "M_FORBIDDEN");
    let extra = json!({ "membership": "invite", "fi.mau.will_auto_accept": true });
    hub.put(&member(bob_id.as_str()), &alice, extra).await.ok();
    let content = hub.get(&member(bob_id.as_str()), &alice).await.ok();
    assert_eq!(content["fi.mau.will_auto_accept"], true);
    hub.put(&member(bob_id.as_str()), &bob, json!({ "membership": "join", "displayname": "Bob (IRC)" })).await.ok();
    let joined = hub.get(&room_path(&room, "joined_members"), &bob).await.ok();
    assert_eq!(joined["joined"][bob_id.as_str()]["display_name"], "Bob (IRC)");

    let again =
        hub.put(&member(bob_id.as_str()), &alice, json!({ "membership": "invite" })).await.refused(403, "M_FORBIDDEN");
    assert!(again["error"].as_str().is_some_and(|text| text.contains("is already in the room.")), "{again}");
    let invite = hub.post(&room_path(&room, "invite"), &alice, json!({ "user_id": bob_id })).await;
    let again = invite.refused(403, "M_FORBIDDEN");
    assert!(again["error"].as_str().is_some_and(|text| text.contains("is already in the room.")), "{again}");

    hub.put(&member(bob_id.as_str()), &alice, json!({ "membership": "leave" })).await.ok();
    hub.get(&room_path(&room, "joined_members"), &bob).await.refused(403, "M_FORBIDDEN");
    hub.put(&member(alice_id.as_str()), &alice, json!({ "membership": "leave" })).await.ok();
    assert_eq!(hub.get("/_matrix/client/v3/joined_rooms", &alice).await.ok(), json!({ "joined_rooms": [] }));
}

#[tokio::test]
async fn errors_have_the_codes_of_the_specification() {
    let hub = TestHub::start().await;
    let ((_, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(&hub, &alice, json!({})).await;
    let message = json!({ "msgtype": "m.text", "body": "x" });
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), &bob, json!({})).await.refused(403, "M_FORBIDDEN");
    hub.put(&room_path(&room, "send/m.room.message/1"), &bob, message.clone()).await.refused(403, "M_FORBIDDEN");
    hub.put(&room_path("!none:hub.test", "send/m.room.message/1"), &bob, message).await.refused(404, "M_NOT_FOUND");
    hub.call("PUT", &room_path(&room, "send/m.room.message/2"), &alice, "{").await.refused(400, "M_NOT_JSON");
    let big = json!({ "msgtype": "m.text", "body": "x".repeat(66_000) });
    hub.put(&room_path(&room, "send/m.room.message/3"), &alice, big).await.refused(413, "M_TOO_LARGE");
    hub.get(&room_path(&room, "messages?dir=b&from=bad"), &alice).await.refused(400, "M_INVALID_PARAM");
    hub.get(&room_path(&room, "messages?dir=b"), &bob).await.refused(403, "M_FORBIDDEN");
    hub.get(&room_path(&room, "event/$none"), &alice).await.refused(404, "M_NOT_FOUND");
    hub.get(&room_path(&room, "state"), &bob).await.refused(403, "M_FORBIDDEN");
    hub.post(&room_path(&room, "forget"), &alice, json!({})).await.refused(400, "M_UNKNOWN");
    hub.post(&room_path(&room, "kick"), &alice, json!({ "user_id": bob_id })).await.refused(403, "M_FORBIDDEN");
    hub.post("/_matrix/client/v3/join/%23none:hub.test", &bob, json!({})).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn banned_user_cannot_join_until_unbanned_and_forgotten_room_is_gone() {
    let hub = TestHub::start().await;
    let ((_, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    let join = format!("/_matrix/client/v3/join/{}", encode(&room));
    hub.post(&join, &bob, json!({})).await.ok();
    hub.post(&room_path(&room, "ban"), &alice, json!({ "user_id": bob_id })).await.ok();
    hub.post(&join, &bob, json!({})).await.refused(403, "M_FORBIDDEN");
    hub.post(&room_path(&room, "unban"), &alice, json!({ "user_id": bob_id })).await.ok();
    hub.post(&room_path(&room, "forget"), &bob, json!({})).await.ok();
    let filter = encode(&json!({ "room": { "include_leave": true } }).to_string());
    let synced = hub.get(&format!("/_matrix/client/v3/sync?filter={filter}"), &bob).await.ok();
    assert!(synced.get("rooms").is_none(), "{synced}");
    hub.post(&join, &bob, json!({})).await.ok();
    let synced = hub.get("/_matrix/client/v3/sync", &bob).await.ok();
    assert!(synced["rooms"]["join"].get(&room).is_some(), "{synced}");
}

#[tokio::test]
async fn messages_page_both_ways_and_context_stands_around_its_event() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let room = create(&hub, &alice, json!({})).await;
    let mut ids = Vec::new();
    for number in 0..7 {
        ids.push(send_text(&hub, &alice, &room, &format!("t{number}"), &format!("{number}")).await);
    }
    let bodies = |page: &Value, key: &str| -> Vec<String> {
        let events = page[key].as_array().cloned().unwrap_or_default();
        events.iter().filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)).collect()
    };
    let filter = encode(&json!({ "types": ["m.room.message"] }).to_string());
    let mut seen = Vec::new();
    let mut from = String::new();
    loop {
        let path = room_path(&room, &format!("messages?dir=f&limit=3&filter={filter}{from}"));
        let page = hub.get(&path, &alice).await.ok();
        seen.extend(bodies(&page, "chunk"));
        match page["end"].as_str() {
            Some(end) => from = format!("&from={end}"),
            None => break,
        }
    }
    assert_eq!(seen, ["0", "1", "2", "3", "4", "5", "6"]);

    let context = hub.get(&room_path(&room, &format!("context/{}?limit=4", encode(&ids[3]))), &alice).await.ok();
    assert_eq!(
        (bodies(&context, "events_before"), bodies(&context, "events_after")),
        (vec!["2".into(), "1".into()], vec!["4".into(), "5".into()])
    );
    let back =
        room_path(&room, &format!("messages?dir=b&limit=1&from={}", context["start"].as_str().expect("a token")));
    assert_eq!(bodies(&hub.get(&back, &alice).await.ok(), "chunk"), ["0"]);
    let on = room_path(&room, &format!("messages?dir=f&limit=1&from={}", context["end"].as_str().expect("a token")));
    assert_eq!(bodies(&hub.get(&on, &alice).await.ok(), "chunk"), ["6"]);
}

#[tokio::test]
async fn edit_thread_and_reference_are_bundled_and_reactions_only_listed() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let room = create(&hub, &alice, json!({})).await;
    let root = send_text(&hub, &alice, &room, "t0", "root").await;
    let relate = async |txn: &str, event_type: &str, mut content: Value, relation: Value| {
        content["m.relates_to"] = relation;
        let path = room_path(&room, &format!("send/{event_type}/{txn}"));
        hub.put(&path, &alice, content).await.ok()["event_id"].as_str().expect("an id").to_owned()
    };
    let text = |body: &str| json!({ "msgtype": "m.text", "body": body });
    let mut new = text("* fixed");
    new["m.new_content"] = text("fixed");
    let edit = relate("t1", "m.room.message", new, json!({ "rel_type": "m.replace", "event_id": root })).await;
    let reply =
        relate("t2", "m.room.message", text("in thread"), json!({ "rel_type": "m.thread", "event_id": root })).await;
    let reference = relate("t3", "x.y", json!({}), json!({ "rel_type": "m.reference", "event_id": root })).await;
    let annotation = json!({ "rel_type": "m.annotation", "event_id": root, "key": "👍" });
    let reaction = relate("t4", "m.reaction", json!({}), annotation).await;

    let event = hub.get(&room_path(&room, &format!("event/{}", encode(&root))), &alice).await.ok();
    let bundled = &event["unsigned"]["m.relations"];
    assert_eq!(bundled["m.replace"]["event_id"], *edit, "{event}");
    assert_eq!(bundled["m.thread"]["latest_event"]["event_id"], *reply);
    assert_eq!(bundled["m.thread"]["count"], 1);
    assert_eq!(bundled["m.thread"]["current_user_participated"], true);
    assert_eq!(bundled["m.reference"]["chunk"], json!([{ "event_id": reference }]));
    assert!(bundled.get("m.annotation").is_none());
    assert_eq!(event["content"]["body"], "root", "servers don't replace the content");

    let base = format!("/_matrix/client/v1/rooms/{}/relations/{}", encode(&room), encode(&root));
    let listed = async |rest: &str| -> Vec<String> {
        let page = hub.get(&format!("{base}{rest}"), &alice).await.ok();
        let chunk = page["chunk"].as_array().expect("events").clone();
        chunk.iter().filter_map(|event| event["event_id"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(listed("").await, [reaction.clone(), reference, reply.clone(), edit]);
    assert_eq!(listed("/m.annotation/m.reaction").await, [reaction]);
    assert_eq!(listed("/m.thread?dir=f").await, [reply]);
    let threads = hub.get(&format!("/_matrix/client/v1/rooms/{}/threads", encode(&room)), &alice).await.ok();
    assert_eq!(threads["chunk"][0]["event_id"], *root);
}

#[tokio::test]
async fn aliases_are_exclusive_resolved_and_removed() {
    let hub = TestHub::start().await;
    hub.api.registrations.add(REGISTRATION).await.expect("a valid registration");
    let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(&hub, &alice, json!({ "room_alias_name": "square", "preset": "public_chat" })).await;
    let square = "/_matrix/client/v3/directory/room/%23square:hub.test";
    assert_eq!(hub.get(square, "").await.ok()["room_id"], *room);
    let taken = json!({ "room_alias_name": "square" });
    hub.post("/_matrix/client/v3/createRoom", &bob, taken).await.refused(400, "M_ROOM_IN_USE");
    hub.put(square, &alice, json!({ "room_id": room })).await.refused(409, "M_UNKNOWN");
    let reserved = "/_matrix/client/v3/directory/room/%23irc_x:hub.test";
    hub.put(reserved, &alice, json!({ "room_id": room })).await.refused(400, "M_EXCLUSIVE");
    hub.post("/_matrix/client/v3/createRoom", &alice, json!({ "room_alias_name": "irc_x" }))
        .await
        .refused(400, "M_EXCLUSIVE");
    hub.put(reserved, BRIDGE, json!({ "room_id": room })).await.ok();
    hub.post("/_matrix/client/v3/join/%23square:hub.test", &bob, json!({})).await.ok();
    let listed = hub.get(&room_path(&room, "aliases"), &bob).await.ok();
    assert_eq!(listed["aliases"], json!(["#irc_x:hub.test", "#square:hub.test"]));
    hub.call("DELETE", square, &bob, "").await.refused(403, "M_FORBIDDEN");
    hub.call("DELETE", square, &alice, "").await.ok();
    hub.get(square, "").await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn directory_shows_what_is_published_and_finds_it_by_name() {
    let hub = TestHub::start().await;
    let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(&hub, &alice, json!({ "visibility": "public", "name": "Market" })).await;
    let other = create(&hub, &alice, json!({ "name": "Cellar" })).await;
    let found = hub.get("/_matrix/client/v3/publicRooms", "").await.ok();
    assert_eq!(found["chunk"].as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!((&found["chunk"][0]["room_id"], &found["chunk"][0]["num_joined_members"]), (&json!(room), &json!(1)));
    let path = format!("/_matrix/client/v3/directory/list/room/{}", encode(&other));
    hub.put(&path, &bob, json!({ "visibility": "public" })).await.refused(403, "M_FORBIDDEN");
    hub.put(&path, &alice, json!({ "visibility": "public" })).await.ok();
    assert_eq!(hub.get(&path, "").await.ok()["visibility"], "public");
    let search = json!({ "filter": { "generic_search_term": "cell" } });
    let found = hub.post("/_matrix/client/v3/publicRooms", &bob, search).await.ok();
    assert_eq!(found["chunk"][0]["room_id"], *other);
    assert_eq!(found["total_room_count_estimate"], 1);
}

#[tokio::test]
async fn members_are_filtered_and_known_at_a_token() {
    let hub = TestHub::start().await;
    let ((_, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    let before =
        hub.get("/_matrix/client/v3/sync", &alice).await.ok()["next_batch"].as_str().expect("a token").to_owned();
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), &bob, json!({})).await.ok();
    hub.post(&room_path(&room, "leave"), &bob, json!({})).await.ok();
    let who = async |query: &str| -> Vec<Value> {
        let members = hub.get(&room_path(&room, &format!("members{query}")), &alice).await.ok();
        members["chunk"].as_array().expect("members").iter().map(|event| event["state_key"].clone()).collect()
    };
    assert_eq!(who("?membership=leave").await, [json!(bob_id)]);
    assert_eq!(who("?not_membership=leave").await, [json!("@alice:hub.test")]);
    assert_eq!(who(&format!("?at={before}")).await, [json!("@alice:hub.test")]);
}

#[tokio::test]
async fn request_without_a_body_is_one_with_an_empty_object() {
    let hub = TestHub::start().await;
    let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let made = hub.call("POST", "/_matrix/client/v3/createRoom", &alice, "").await;
    assert!(made.status.is_success(), "{:?}", made.body);
    let room = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    hub.call("POST", &format!("/_matrix/client/v3/join/{}", encode(&room)), &bob, "").await.ok();
    hub.call("POST", &room_path(&room, "leave"), &bob, "").await.ok();
    hub.call("POST", &room_path(&room, "forget"), &bob, "").await.ok();
}
