use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text};

const PATH: &str = "/_matrix/client/v3/search";

async fn search(hub: &TestHub, token: &str, criteria: Value) -> Value {
    let body = json!({ "search_categories": { "room_events": criteria } });
    hub.post(PATH, token, body).await.ok()["search_categories"]["room_events"].clone()
}

fn bodies(answer: &Value) -> Vec<&str> {
    let results = answer["results"].as_array().expect("results").iter();
    results.map(|result| result["result"]["content"]["body"].as_str().unwrap_or("-")).collect()
}

#[tokio::test]
async fn words_are_found_in_messages_names_and_topics_of_own_rooms() {
    let hub = TestHub::start().await;
    let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(&hub, &alice, json!({ "name": "Quiet harbour", "topic": "ships" })).await;
    let other = create(&hub, &alice, json!({})).await;
    let of_bob = create(&hub, &bob, json!({})).await;
    send_text(&hub, &alice, &room, "t1", "The harbour is full of SHIPS").await;
    send_text(&hub, &alice, &other, "t2", "no harbour \"here\" or there*").await;
    send_text(&hub, &bob, &of_bob, "t3", "bob's harbour").await;
    let recent = |term: &str| json!({ "search_term": term, "order_by": "recent" });
    let found = search(&hub, &alice, recent("harbour")).await;
    assert_eq!(bodies(&found), ["no harbour \"here\" or there*", "The harbour is full of SHIPS", "-"]);
    assert_eq!((&found["count"], &found["highlights"]), (&json!(3), &json!(["harbour"])));
    assert!(found["results"][0]["rank"].is_f64() && found["results"][0]["result"]["room_id"] == other.as_str());
    assert_eq!(bodies(&search(&hub, &alice, recent("ships harbour")).await), ["The harbour is full of SHIPS"]);
    assert_eq!(bodies(&search(&hub, &alice, recent("\"here\" OR")).await), ["no harbour \"here\" or there*"]);
    assert_eq!(bodies(&search(&hub, &alice, recent("nothing")).await), [""; 0]);
    assert_eq!(bodies(&search(&hub, &alice, recent(" ")).await), [""; 0]);
    let mut names = recent("harbour");
    names["keys"] = json!(["content.name"]);
    let found = search(&hub, &alice, names).await;
    assert_eq!(found["results"][0]["result"]["content"]["name"], "Quiet harbour");
    let mut one = recent("harbour");
    one["filter"] = json!({ "rooms": [other] });
    assert_eq!(bodies(&search(&hub, &alice, one).await).len(), 1);
    let mut by_bob = recent("harbour");
    by_bob["filter"] = json!({ "senders": ["@bob:hub.test"] });
    assert!(bodies(&search(&hub, &alice, by_bob).await).is_empty());
    // What is said afterwards is found as well.
    send_text(&hub, &alice, &room, "t4", "another harbour").await;
    assert_eq!(bodies(&search(&hub, &alice, recent("another")).await), ["another harbour"]);
    assert_eq!(bodies(&search(&hub, &alice, json!({ "search_term": "another" })).await), ["another harbour"]);

    let bad = json!({ "search_categories": { "room_events": { "search_term": "x", "keys": ["content.other"] } } });
    hub.post(PATH, &alice, bad).await.refused(400, "M_INVALID_PARAM");
    hub.post(PATH, &alice, json!({ "search_categories": { "room_events": {} } })).await.refused(400, "M_BAD_JSON");
    let body = json!({ "search_categories": { "room_events": recent("x") } });
    hub.post(&format!("{PATH}?next_batch=x"), &alice, body).await.refused(400, "M_INVALID_PARAM");
    assert_eq!(
        hub.post(PATH, &alice, json!({ "search_categories": {} })).await.ok(),
        json!({ "search_categories": {} })
    );
}

#[tokio::test]
async fn what_is_found_comes_in_pages_with_context_groups_and_state() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let room = create(&hub, &alice, json!({})).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        send_text(&hub, &alice, &room, &format!("b{number}"), &format!("before {number}")).await;
        ids.push(send_text(&hub, &alice, &room, &format!("w{number}"), &format!("word {number}")).await);
        send_text(&hub, &alice, &room, &format!("a{number}"), &format!("after {number}")).await;
    }
    let criteria = json!({
        "search_term": "word", "order_by": "recent", "filter": { "limit": 2 }, "include_state": true,
        "event_context": { "before_limit": 1, "after_limit": 0, "include_profile": true },
        "groupings": { "group_by": [{ "key": "room_id" }, { "key": "sender" }] },
    });
    let first = search(&hub, &alice, criteria.clone()).await;
    assert_eq!((bodies(&first), &first["count"]), (vec!["word 4", "word 3"], &json!(5)));
    let context = &first["results"][0]["context"];
    assert_eq!(context["events_before"][0]["content"]["body"], "before 4");
    assert_eq!((&context["events_before"][1], &context["events_after"]), (&Value::Null, &json!([])));
    assert_eq!(context["profile_info"]["@alice:hub.test"]["displayname"], "alice");
    assert!(context["start"].is_string() && context["end"].is_string());
    let group = json!({ "order": 0, "results": [ids[4], ids[3]] });
    assert_eq!(first["groups"]["room_id"][&room], group);
    assert_eq!(first["groups"]["sender"]["@alice:hub.test"], group);
    let state = first["state"][&room].as_array().expect("events");
    assert!(state.iter().any(|event| event["type"] == "m.room.create"));
    let next = first["next_batch"].as_str().expect("a token");
    let body = json!({ "search_categories": { "room_events": criteria } });
    let second = hub.post(&format!("{PATH}?next_batch={next}"), &alice, body).await.ok();
    assert_eq!(bodies(&second["search_categories"]["room_events"]), ["word 2", "word 1"]);
}

#[tokio::test]
async fn nothing_is_found_that_may_not_be_seen_or_was_taken_back() {
    let hub = TestHub::start().await;
    let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let visibility = json!({ "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } });
    let body = json!({ "preset": "public_chat", "initial_state": [visibility] });
    let room = create(&hub, &alice, body).await;
    send_text(&hub, &alice, &room, "t1", "secret one").await;
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), &bob, json!({})).await.ok();
    let second = send_text(&hub, &alice, &room, "t2", "secret two").await;
    send_text(&hub, &alice, &room, "t3", "secret three").await;
    let criteria = json!({ "search_term": "secret", "order_by": "recent" });
    assert_eq!(bodies(&search(&hub, &bob, criteria.clone()).await), ["secret three", "secret two"]);
    assert_eq!(bodies(&search(&hub, &alice, criteria.clone()).await).len(), 3);
    let redact = format!("/_matrix/client/v3/rooms/{}/redact/{}/t4", encode(&room), encode(&second));
    hub.put(&redact, &alice, json!({})).await.ok();
    assert_eq!(bodies(&search(&hub, &bob, criteria.clone()).await), ["secret three"]);
    hub.post(&format!("/_matrix/client/v3/rooms/{}/leave", encode(&room)), &bob, json!({})).await.ok();
    send_text(&hub, &alice, &room, "t5", "secret four").await;
    assert_eq!(bodies(&search(&hub, &bob, criteria).await), ["secret three"], "up to the leaving");
}
