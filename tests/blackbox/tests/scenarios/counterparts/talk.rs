//! Alice on Matrix and gull in the harbor say to each other whatever a bridge can carry.

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Client, Program, escape, until};
use serde_json::{Value, json};

use super::Scene;

pub const CHAT: &str = "pier";

/// What is read of the room's end.
const RECENT: usize = 100;

/// The room of the chat, once alice is in it: by herself where she has to accept an invite.
pub async fn enter(alice: &Client) -> Result<String> {
    until("the room of the chat", || async {
        let rooms = alice.sync().await?["rooms"].take();
        let named = |events: &Value| {
            let events = events["events"].as_array().map(Vec::as_slice).unwrap_or_default();
            events.iter().any(|event| event["type"] == "m.room.name" && event["content"]["name"] == CHAT)
        };
        for (room_id, room) in rooms["invite"].as_object().into_iter().flatten() {
            if named(&room["invite_state"]) {
                alice.join(room_id).await?;
                return Ok(room_id.clone());
            }
        }
        let mut joined = rooms["join"].as_object().into_iter().flatten();
        let room = joined.find(|(_, room)| named(&room["state"]) || named(&room["timeline"]));
        room.map(|(room_id, _)| room_id.clone()).with_context(|| format!("the rooms are {rooms}"))
    })
    .await
}

/// The newest event that is meant, once there is one.
pub async fn sees(alice: &Client, room_id: &str, what: &str, is_meant: impl Fn(&Value) -> bool) -> Result<Value> {
    until(what, || async {
        let events = alice.messages(room_id, RECENT).await?;
        let last: Vec<String> = events.iter().rev().take(6).map(Value::to_string).collect();
        events.into_iter().rfind(&is_meant).with_context(|| format!("the room ends with {last:#?}"))
    })
    .await
}

pub fn id_of(event: &Value) -> Result<String> {
    Ok(event["event_id"].as_str().context("an event without an id")?.to_owned())
}

/// Everything once, in both directions; the room.
pub async fn talk(scene: &Scene) -> Result<String> {
    let (alice, harbor) = (&scene.alice, &scene.harbor);
    let gull = Scene::ghost("gull");
    let from_gull = |event: &Value| event["sender"] == gull.as_str();

    harbor.message(CHAT, "gull", "m1", "ahoy");
    let room = enter(alice).await?;
    let sees = async |what: &str, is_meant: &(dyn Fn(&Value) -> bool + Sync)| sees(alice, &room, what, is_meant).await;
    let first =
        id_of(&sees("the first message", &|event| from_gull(event) && event["content"]["body"] == "ahoy").await?)?;
    let profile = alice.get(&format!("/_matrix/client/v3/profile/{}", escape(&gull))).await?;
    ensure!(profile["displayname"] == "gull", "the ghost's profile is {profile}");
    let mine = alice.say(&room, "ahoy, gull").await?;
    harbor.hears(json!({"kind": "message", "id": mine, "text": "ahoy, gull"})).await?;

    let relates = |event: &Value, kind: &str, target: &str| {
        let relation = &event["content"]["m.relates_to"];
        from_gull(event) && relation["rel_type"] == kind && relation["event_id"] == target
    };
    harbor.say(json!({"kind": "edit", "chat": CHAT, "sender": "gull", "target": "m1", "text": "ahoy, alice"}));
    let edit = sees("gull's edit", &|event| relates(event, "m.replace", &first)).await?;
    ensure!(edit["content"]["m.new_content"]["body"] == "ahoy, alice", "edited to {edit}");
    let content = json!({
        "msgtype": "m.text", "body": "* ahoy, dear gull", "m.new_content": {"msgtype": "m.text", "body": "ahoy, dear gull"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": mine},
    });
    alice.send_new(&room, "m.room.message", &content).await?;
    harbor.hears(json!({"kind": "edit", "target": mine, "text": "ahoy, dear gull"})).await?;

    harbor.say(json!({"kind": "reaction", "chat": CHAT, "sender": "gull", "target": mine, "emoji": "⚓"}));
    let reaction = sees("gull's reaction", &|event| relates(event, "m.annotation", &mine)).await?;
    harbor.say(json!({"kind": "unreaction", "chat": CHAT, "sender": "gull", "target": mine, "emoji": "⚓"}));
    is_redacted(alice, &room, &id_of(&reaction)?).await?;
    let content = json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": first, "key": "🐟"}});
    let reaction = alice.send_new(&room, "m.reaction", &content).await?;
    harbor.hears(json!({"kind": "reaction", "target": "m1", "emoji": "🐟"})).await?;
    alice.redact(&room, &reaction).await?;
    harbor.hears(json!({"kind": "unreaction", "target": "m1", "emoji": "🐟"})).await?;

    let line = json!({"kind": "message", "chat": CHAT, "sender": "gull", "id": "m2", "text": "aye", "reply_to": mine});
    harbor.say(line);
    let reply = sees("gull's reply", &|event| from_gull(event) && event["content"]["body"] == "aye").await?;
    let target = &reply["content"]["m.relates_to"]["m.in_reply_to"]["event_id"];
    ensure!(*target == mine.as_str(), "the reply is {reply}");
    let relation = json!({"m.in_reply_to": {"event_id": first}});
    let content = json!({"msgtype": "m.text", "body": "and you?", "m.relates_to": relation});
    alice.send_new(&room, "m.room.message", &content).await?;
    harbor.hears(json!({"kind": "message", "text": "and you?", "reply_to": "m1"})).await?;

    let file = json!({"name": "cargo.txt", "type": "text/plain", "data": "ten barrels"});
    harbor
        .say(json!({"kind": "message", "chat": CHAT, "sender": "gull", "id": "m3", "text": "cargo.txt", "file": file}));
    let sent = sees("gull's file", &|event| from_gull(event) && event["content"]["msgtype"] == "m.file").await?;
    let uri = sent["content"]["url"].as_str().with_context(|| format!("a file without a URL: {sent}"))?;
    let data = alice.download(uri).await?;
    ensure!(data == "ten barrels", "the file has {data:?}");
    let uri = alice.upload("map.txt", "text/plain", "here be gulls").await?;
    let info = json!({"mimetype": "text/plain", "size": 13});
    let content = json!({"msgtype": "m.file", "body": "map.txt", "url": uri, "info": info});
    alice.send_new(&room, "m.room.message", &content).await?;
    let file = json!({"name": "map.txt", "type": "text/plain", "data": "here be gulls"});
    harbor.hears(json!({"kind": "message", "file": file})).await?;

    typing_and_receipts(scene, &room, &mine, &id_of(&sent)?).await?;

    harbor.message(CHAT, "alice", "m4", "from my other phone");
    let puppeted =
        sees("what alice said in the harbor", &|event| event["content"]["body"] == "from my other phone").await?;
    ensure!(puppeted["sender"] == alice.user_id.as_str(), "it is {puppeted}");

    alice.redact(&room, &mine).await?;
    harbor.hears(json!({"kind": "removal", "target": mine})).await?;
    harbor.say(json!({"kind": "removal", "chat": CHAT, "sender": "gull", "target": "m1"}));
    is_redacted(alice, &room, &first).await?;
    let heard = harbor.heard();
    ensure!(!heard.iter().any(|line| line["text"] == "from my other phone"), "it was sent back: {heard:?}");
    Ok(room)
}

async fn is_redacted(alice: &Client, room: &str, event_id: &str) -> Result<()> {
    until("an event to be redacted", || async {
        let event = alice.get(&format!("/_matrix/client/v3/rooms/{}/event/{}", escape(room), escape(event_id))).await?;
        ensure!(event["content"] == json!({}) && !event["unsigned"]["redacted_because"].is_null(), "it is {event}");
        Ok(())
    })
    .await
}

/// `mine` is a message of alice's, `theirs` one that the harbor calls m3.
async fn typing_and_receipts(scene: &Scene, room: &str, mine: &str, theirs: &str) -> Result<()> {
    let (alice, harbor) = (&scene.alice, &scene.harbor);
    let gull = Scene::ghost("gull");
    let path = |rest: &str| format!("/_matrix/client/v3/rooms/{}/{rest}", escape(room));
    let ephemeral = async |kind: &str| -> Result<Value> {
        let mut answer = alice.sync().await?;
        let Value::Array(events) = answer["rooms"]["join"][room]["ephemeral"]["events"].take() else {
            return Ok(Value::Null);
        };
        Ok(events.into_iter().find(|event| event["type"] == kind).unwrap_or_default()["content"].take())
    };

    harbor.say(json!({"kind": "typing", "chat": CHAT, "sender": "gull", "typing": true}));
    until("gull to type", || async {
        let typing = ephemeral("m.typing").await?;
        let users = typing["user_ids"].as_array();
        ensure!(users.is_some_and(|users| users.contains(&json!(gull))), "those who type: {typing}");
        Ok(())
    })
    .await?;
    harbor.say(json!({"kind": "typing", "chat": CHAT, "sender": "gull", "typing": false}));
    let body = json!({"typing": true, "timeout": 30_000});
    alice.put(&path(&format!("typing/{}", escape(&alice.user_id))), &body).await?;
    harbor.hears(json!({"kind": "typing", "typing": true})).await?;
    alice.put(&path(&format!("typing/{}", escape(&alice.user_id))), &json!({"typing": false})).await?;

    harbor.say(json!({"kind": "read", "chat": CHAT, "sender": "gull", "target": mine}));
    until("gull to have read", || async {
        let receipts = ephemeral("m.receipt").await?;
        ensure!(!receipts[mine]["m.read"][&gull].is_null(), "the receipts: {receipts}");
        Ok(())
    })
    .await?;
    alice.post(&path(&format!("receipt/m.read/{}", escape(theirs))), &json!({})).await?;
    harbor.hears(json!({"kind": "read", "target": "m3"})).await.map(drop)
}

/// What both sides say while the bridge is stopped comes over once it runs again: all of it, in order, once.
pub async fn talk_while_away(scene: &Scene, bridge: &mut Program, room: &str) -> Result<()> {
    let (alice, harbor) = (&scene.alice, &scene.harbor);
    bridge.stop().await?;
    let texts: Vec<String> = (0..10).map(|number| format!("missed {number}")).collect();
    for (number, text) in texts.iter().enumerate() {
        alice.say(room, text).await?;
        harbor.message(CHAT, "gull", &format!("w{number}"), text);
    }
    bridge.start()?;
    alice.say(room, "there you are").await?;
    harbor.hears(json!({"kind": "message", "text": "there you are"})).await?;
    harbor.message(CHAT, "gull", "w", "here I am");
    sees(alice, room, "the end", |event| event["content"]["body"] == "here I am").await?;
    let missed = |body: &Value| body.as_str().filter(|text| text.starts_with("missed")).map(str::to_owned);
    let heard: Vec<String> = harbor.heard().iter().filter_map(|line| missed(&line["text"])).collect();
    ensure!(heard == texts, "the harbor heard {heard:?}");
    let events = alice.messages(room, RECENT).await?;
    let theirs = events.iter().filter(|event| event["sender"] == Scene::ghost("gull"));
    let seen: Vec<String> = theirs.filter_map(|event| missed(&event["content"]["body"])).collect();
    ensure!(seen == texts, "alice saw {seen:?}");
    Ok(())
}
