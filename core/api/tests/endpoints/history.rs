//! `com.beeper.backfill`: batches as mautrix bridges send them.

use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text, sync, texts};

const BRIDGE: &str = "as_token_of_bridge";
const REGISTRATION: &str = r"
id: chat
url: null
as_token: as_token_of_bridge
hs_token: hs_token_of_bridge
sender_localpart: random_sender
rate_limited: false
namespaces:
  users:
    - {regex: '^@chat_.*:hub\.test$', exclusive: true}
    - {regex: '^@chatbot:hub\.test$', exclusive: true}
";
const PUPPETS: &str = r"
id: doublepuppet
url: null
as_token: as_token_of_puppets
hs_token: hs_token_of_puppets
sender_localpart: random_puppet
rate_limited: false
namespaces:
  users:
    - {regex: '@.*:hub\.test', exclusive: false}
";

/// A bridge with its bot, and a portal that `@alice` is in.
struct Bridged {
    hub: TestHub,
    alice: String,
    room: String,
}

impl Bridged {
    async fn start() -> Self {
        let hub = TestHub::start().await;
        hub.api.registrations.add(REGISTRATION).await.expect("a valid registration");
        let (alice_id, alice) = hub.user("alice").await;
        for name in ["chatbot", "chat_ghost"] {
            let ghost = json!({ "type": "m.login.application_service", "username": name, "inhibit_login": true });
            hub.post("/_matrix/client/v3/register", BRIDGE, ghost).await.ok();
        }
        let made = hub
            .post(
                "/_matrix/client/v3/createRoom?user_id=@chatbot:hub.test",
                BRIDGE,
                json!({ "preset": "private_chat", "invite": [alice_id, "@chat_ghost:hub.test"] }),
            )
            .await
            .ok();
        let room = made["room_id"].as_str().expect("a room id").to_owned();
        let join = format!("/_matrix/client/v3/join/{}", encode(&room));
        hub.post(&join, &alice, json!({})).await.ok();
        hub.post(&format!("{join}?user_id=@chat_ghost:hub.test"), BRIDGE, json!({})).await.ok();
        Self { hub, alice, room }
    }

    fn path(&self) -> String {
        let room = encode(&self.room);
        format!("/_matrix/client/unstable/com.beeper.backfill/rooms/{room}/batch_send?user_id=@chatbot:hub.test")
    }

    async fn send(&self, batch: Value) -> Vec<String> {
        let answer = self.hub.post(&self.path(), BRIDGE, batch).await.ok();
        serde_json::from_value(answer["event_ids"].clone()).expect("ids")
    }

    async fn refused(&self, batch: Value, status: u16, errcode: &str) -> String {
        let body = self.hub.post(&self.path(), BRIDGE, batch).await.refused(status, errcode);
        body["error"].as_str().expect("a text").to_owned()
    }

    /// Of Alice, with its unread count.
    async fn synced(&self, since: &str) -> (Value, String) {
        let answer = sync(&self.hub, &self.alice, since).await;
        let next = answer["next_batch"].as_str().expect("a token").to_owned();
        (answer["rooms"]["join"][&self.room].clone(), next)
    }
}

fn text(sender: &str, ts: u64, body: &str) -> Value {
    json!({
        "type": "m.room.message", "sender": format!("@{sender}:hub.test"), "origin_server_ts": ts,
        "event_id": format!("${}:backfill.hub.test", body.replace(' ', "-")),
        "content": { "msgtype": "m.text", "body": body, "com.beeper.extra": true },
    })
}

#[tokio::test]
async fn older_messages_stand_before_newer_ones_and_are_nothing_new() {
    let bridged = Bridged::start().await;
    let hub = &bridged.hub;
    let versions = hub.get("/_matrix/client/versions?user_id=@chatbot:hub.test", BRIDGE).await.ok();
    assert_eq!(versions["unstable_features"]["com.beeper.batch_sending"], true);

    let live = send_text(hub, &bridged.alice, &bridged.room, "t1", "live").await;
    let (_, since) = bridged.synced("").await;
    let messages = format!("/_matrix/client/v3/rooms/{}/messages", encode(&bridged.room));
    let page = hub.get(&format!("{messages}?dir=b&limit=1"), &bridged.alice).await.ok();
    let token = page["end"].as_str().expect("more").to_owned();

    let events = json!([text("chat_ghost", 1_000, "one"), text("chat_ghost", 2_000, "two")]);
    let batch = json!({
        "forward_if_no_messages": true, "forward": false, "send_notification": false, "events": events,
        "com.beeper.unknown": 1,
    });
    let ids = bridged.send(batch.clone()).await;
    assert_eq!(ids, ["$one:backfill.hub.test", "$two:backfill.hub.test"]);
    assert_eq!(bridged.send(batch).await, ids, "a repetition makes nothing");

    let (joined, since) = bridged.synced(&since).await;
    assert_eq!(joined, Value::Null, "nothing new for who syncs");
    let page = hub.get(&format!("{messages}?dir=b&limit=2&from={token}"), &bridged.alice).await.ok();
    let seen: Vec<_> = page["chunk"].as_array().expect("events").iter().map(|event| &event["event_id"]).collect();
    assert_eq!(seen, [ids[1].as_str(), ids[0].as_str()], "a token from before finds what came between");
    assert_eq!(page["chunk"][0]["origin_server_ts"], 2_000);
    assert_eq!(page["chunk"][0]["content"]["com.beeper.extra"], true);

    let (joined, _) = bridged.synced("").await;
    assert_eq!(texts(&joined["timeline"]), ["one", "two", "live"]);
    assert_eq!(joined["unread_notifications"]["notification_count"], 0, "history is not unread");
    let filter = encode(r#"{"room":{"timeline":{"limit":2}}}"#);
    let (joined, _) = bridged.synced(&format!("&filter={filter}")).await;
    assert_eq!(texts(&joined["timeline"]), ["two", "live"]);
    assert_eq!(joined["timeline"]["limited"], true);
    let older =
        format!("{messages}?dir=b&limit=1&from={}", joined["timeline"]["prev_batch"].as_str().expect("a token"));
    assert_eq!(hub.get(&older, &bridged.alice).await.ok()["chunk"][0]["event_id"], ids[0]);

    let context = format!("/_matrix/client/v3/rooms/{}/context/{}", encode(&bridged.room), encode(&ids[1]));
    let context = hub.get(&context, &bridged.alice).await.ok();
    assert_eq!(context["events_before"][0]["event_id"], ids[0]);
    assert_eq!(context["events_after"][0]["event_id"], *live);

    // A gap in the sync is filled from where it ends, history included.
    send_text(hub, &bridged.alice, &bridged.room, "t2", "after").await;
    let (joined, _) = bridged.synced(&since).await;
    assert_eq!(texts(&joined["timeline"]), ["after"]);
}

#[tokio::test]
async fn messages_at_the_end_are_new_and_count_only_when_they_shall() {
    let bridged = Bridged::start().await;
    let (_, since) = bridged.synced("").await;
    let batch = |forward: bool, notify: bool, bodies: &[&str]| {
        let events: Vec<Value> = bodies.iter().map(|body| text("chat_ghost", 5, body)).collect();
        json!({ "forward": forward, "forward_if_no_messages": !forward, "send_notification": notify, "events": events })
    };
    bridged.send(batch(false, false, &["quiet 1", "quiet 2"])).await;
    let (joined, since) = bridged.synced(&since).await;
    assert_eq!(texts(&joined["timeline"]), ["quiet 1", "quiet 2"], "the room had no messages");
    assert_eq!(joined["unread_notifications"]["notification_count"], 0);
    bridged.send(batch(true, true, &["loud"])).await;
    let (joined, since) = bridged.synced(&since).await;
    assert_eq!(texts(&joined["timeline"]), ["loud"]);
    assert_eq!(joined["unread_notifications"]["notification_count"], 1);

    // The bridge may not speak for Alice, and what is marked read does not notify anyway.
    let mut read = batch(true, false, &["read"]);
    read["mark_read_by"] = "@alice:hub.test".into();
    bridged.send(read.clone()).await;
    let (joined, since) = bridged.synced(&since).await;
    assert_eq!(joined["unread_notifications"]["notification_count"], 1);
    bridged.hub.api.registrations.add(PUPPETS).await.expect("a valid registration");
    assert_eq!(bridged.send(read).await, ["$read:backfill.hub.test"]);
    let (joined, _) = bridged.synced(&since).await;
    assert_eq!(joined["unread_notifications"]["notification_count"], 0, "{joined}");
    let read = &joined["ephemeral"]["events"][0]["content"]["$read:backfill.hub.test"]["m.read"]["@alice:hub.test"];
    assert!(read["ts"].is_number(), "{joined}");
}

#[tokio::test]
async fn ghosts_are_made_and_joined_and_shown_with_their_names() {
    let bridged = Bridged::start().await;
    send_text(&bridged.hub, &bridged.alice, &bridged.room, "t1", "live").await;
    bridged.send(json!({ "events": [text("chat_new", 7, "from a ghost that never spoke")] })).await;
    assert!(bridged.hub.api.accounts.is_registered(ruma::user_id!("@chat_new:hub.test")).await.expect("an answer"));
    let filter = encode(r#"{"room":{"timeline":{"types":["m.room.message"]},"state":{"lazy_load_members":true}}}"#);
    let (joined, _) = bridged.synced(&format!("&filter={filter}")).await;
    assert_eq!(texts(&joined["timeline"]), ["from a ghost that never spoke", "live"]);
    let state = joined["state"]["events"].as_array().expect("state");
    assert!(state.iter().any(|event| event["state_key"] == "@chat_new:hub.test"), "{state:?}");
}

#[tokio::test]
async fn puppets_speak_where_a_registration_is_there_for_them_and_the_bridge_rules() {
    let bridged = Bridged::start().await;
    let hub = &bridged.hub;
    let of_alice = json!({ "events": [text("alice", 1, "from my phone")] });
    let refused = bridged.refused(of_alice.clone(), 403, "M_FORBIDDEN").await;
    assert_eq!(refused, "events[0]: Application service cannot masquerade as this user (@alice:hub.test).");
    hub.api.registrations.add(PUPPETS).await.expect("a valid registration");
    bridged.send(of_alice).await;
    let (bob_id, bob) = hub.user("bob").await;
    let of_bob = json!({ "events": [text("bob", 1, "not here")] });
    bridged.refused(of_bob.clone(), 403, "M_FORBIDDEN").await;

    // In a room that is not its own the bridge has no puppets.
    let room = create(hub, &bob, json!({ "preset": "public_chat", "invite": ["@chatbot:hub.test"] })).await;
    let join = format!("/_matrix/client/v3/join/{}?user_id=@chatbot:hub.test", encode(&room));
    hub.post(&join, BRIDGE, json!({})).await.ok();
    let theirs = Bridged { room, alice: bob.clone(), hub: bridged.hub };
    theirs.refused(of_bob, 403, "M_FORBIDDEN").await;
    assert_eq!(bob_id, "@bob:hub.test");
    // Its ghosts it has everywhere, as by sending them there one by one.
    theirs.send(json!({ "events": [text("chat_ghost", 1, "hello")] })).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_batch_is_said_and_nothing_is_made() {
    let bridged = Bridged::start().await;
    let good = || text("chat_ghost", 1, "good");
    let with = |key: &str, value: Value| {
        let mut bad = text("chat_ghost", 1, "bad");
        bad[key] = value;
        json!({ "events": [good(), bad] })
    };
    for (batch, status, errcode, said) in [
        (json!({ "forward": true }), 400, "M_BAD_JSON", "events"),
        (with("sender", json!("nobody")), 400, "M_BAD_JSON", "events[1]: "),
        (with("type", json!(7)), 400, "M_BAD_JSON", "events[1]: "),
        (with("origin_server_ts", json!(-1)), 400, "M_BAD_JSON", "events[1]: "),
        (with("event_id", json!("no id")), 400, "M_BAD_JSON", "events[1]: "),
        (with("event_id", good()["event_id"].clone()), 400, "M_INVALID_PARAM", "is twice in this batch"),
        (with("room_id", json!("!other:hub.test")), 400, "M_INVALID_PARAM", "events[1]: room_id is not that"),
        (with("content", json!([1])), 400, "M_BAD_JSON", "events[1]: "),
        (with("sender", json!("@chat_x:elsewhere")), 403, "M_FORBIDDEN", "events[1]: "),
        (json!({ "events": vec![good(); 10_001] }), 413, "M_TOO_LARGE", "10000"),
    ] {
        let text = bridged.refused(batch, status, errcode).await;
        assert!(text.contains(said), "{text}");
    }
    bridged.hub.post(&bridged.path(), &bridged.alice, json!({ "events": [] })).await.refused(403, "M_FORBIDDEN");
    let unknown = bridged.path().replace(&encode(&bridged.room), "!nowhere:hub.test");
    bridged.hub.post(&unknown, BRIDGE, json!({ "events": [] })).await.refused(403, "M_FORBIDDEN");
    assert_eq!(bridged.send(json!({ "events": [] })).await, Vec::<String>::new());

    let invite = format!("/_matrix/client/v3/rooms/{}/state/m.room.member/@carol:far.test", encode(&bridged.room));
    let invited = bridged.hub.put(&invite, &bridged.alice, json!({ "membership": "invite" })).await;
    assert!(invited.status.is_success(), "{:?}", invited.body);
    let text = bridged.refused(json!({ "events": [good()] }), 403, "M_BAD_STATE").await;
    assert!(text.contains("@carol:far.test"), "{text}");
    let (joined, _) = bridged.synced("").await;
    assert_eq!(texts(&joined["timeline"]), Vec::<String>::new());
}
