use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text};

async fn relate(hub: &TestHub, token: &str, room: &str, txn: &str, rel_type: &str, target: &str) -> String {
    let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/{txn}", encode(room));
    let relates = json!({ "rel_type": rel_type, "event_id": target });
    let body = json!({ "msgtype": "m.text", "body": txn, "m.relates_to": relates });
    let sent = hub.put(&path, token, body).await.ok();
    sent["event_id"].as_str().expect("an event").to_owned()
}

fn ids(page: &Value) -> Vec<String> {
    let chunk = page["chunk"].as_array().expect("events");
    chunk.iter().map(|event| event["event_id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn relations_are_followed_over_three_steps_when_asked() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let room = create(&hub, &alice, json!({})).await;
    let root = send_text(&hub, &alice, &room, "t0", "root").await;
    let reply = relate(&hub, &alice, &room, "t1", "m.thread", &root).await;
    let reference = relate(&hub, &alice, &room, "t2", "m.reference", &reply).await;
    let third = relate(&hub, &alice, &room, "t3", "m.reference", &reference).await;
    relate(&hub, &alice, &room, "t4", "m.reference", &third).await;
    let other = relate(&hub, &alice, &room, "t5", "m.thread", &root).await;
    let base = format!("/_matrix/client/v1/rooms/{}/relations/{}", encode(&room), encode(&root));
    let get = async |rest: &str| hub.get(&format!("{base}{rest}"), &alice).await.ok();
    assert_eq!(ids(&get("").await), [&*other, &*reply]);
    let all = get("?recurse=true&limit=20").await;
    assert_eq!(all["recursion_depth"], 3);
    assert_eq!(ids(&all), [&*other, &*third, &*reference, &*reply]);
    assert_eq!(ids(&get("/m.reference?recurse=true").await), [&*third, &*reference], "of any step");
    let page = get("?recurse=true&dir=f&limit=3").await;
    assert_eq!(ids(&page), [&*reply, &*reference, &*third]);
    let next = page["next_batch"].as_str().expect("a token");
    let page = get(&format!("?recurse=true&dir=f&limit=3&from={next}")).await;
    assert_eq!(ids(&page), [&*other]);
    assert!(page.get("next_batch").is_none());
}

#[tokio::test]
async fn threads_with_the_newest_words_come_first() {
    let hub = TestHub::start().await;
    let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let room = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), &bob, json!({})).await.ok();
    let mut roots = Vec::new();
    for number in 0..3 {
        let sender = if number == 1 { &bob } else { &alice };
        roots.push(send_text(&hub, sender, &room, &format!("root{number}"), "root").await);
    }
    for (number, root) in [(0, 2), (1, 0), (2, 1), (3, 0)] {
        relate(&hub, &bob, &room, &format!("reply{number}"), "m.thread", &roots[root]).await;
    }
    let path = format!("/_matrix/client/v1/rooms/{}/threads", encode(&room));
    let page = hub.get(&format!("{path}?limit=2"), &alice).await.ok();
    assert_eq!(ids(&page), [&*roots[0], &*roots[1]]);
    let next = page["next_batch"].as_str().expect("a token");
    let page = hub.get(&format!("{path}?limit=2&from={next}"), &alice).await.ok();
    assert_eq!(ids(&page), [&*roots[2]]);
    assert!(page.get("next_batch").is_none());
    let mine = hub.get(&format!("{path}?include=participated"), &alice).await.ok();
    assert_eq!(ids(&mine), [&*roots[0], &*roots[2]]);
}
