//! Acting as users, and the answers that real bridges act on.

use causeway_api::Rates;
use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text};

const REGISTER: &str = "/_matrix/client/v3/register";
const TOKEN: &str = "as_token_of_irc";
const PUPPETS: &str = "as_token_of_puppets";
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
    - regex: '\#irc_.*'
      exclusive: true
";
/// As mautrix's documentation has it: beside all others.
const DOUBLE_PUPPETS: &str = r"
id: doublepuppet
url: null
as_token: as_token_of_puppets
hs_token: hs_token_of_puppets
sender_localpart: 3aVnR0mTk-_xq
rate_limited: false
namespaces:
  users:
    - regex: '@.*:hub\.test'
      exclusive: false
";

async fn start() -> TestHub {
    let hub = TestHub::start_with(|_| {}, Rates::default()).await;
    hub.api.registrations.add(REGISTRATION).await.expect("a valid registration");
    hub
}

fn room_path(room: &str, rest: &str) -> String {
    format!("/_matrix/client/v3/rooms/{}/{rest}", encode(room))
}

fn user_path(user: &str, rest: &str) -> String {
    format!("/_matrix/client/v3/user/{}/{rest}", encode(user))
}

#[tokio::test]
async fn sender_exists_from_the_start_and_registering_it_is_user_in_use() {
    let hub = start().await;
    let (_, alice) = hub.user("alice").await;
    hub.get("/_matrix/client/v3/profile/@ircbot:hub.test", &alice).await.ok();
    create(&hub, TOKEN, json!({})).await;
    let body = json!({ "type": "m.login.application_service", "username": "ircbot" });
    hub.post(REGISTER, TOKEN, body).await.refused(400, "M_USER_IN_USE");
}

#[tokio::test]
async fn ghosts_in_a_burst_meet_no_limit_where_people_do() {
    let hub = std::sync::Arc::new(start().await);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..1000 {
        let hub = std::sync::Arc::clone(&hub);
        tasks.spawn(async move { hub.ghost(TOKEN, &format!("irc_{number}")).await });
    }
    assert_eq!(tasks.join_all().await.len(), 1000);
    let person =
        |number: i32| json!({ "username": format!("p{number}"), "password": "x", "auth": { "type": "m.login.dummy" } });
    let mut refused = 0;
    for number in 0..6 {
        refused += usize::from(hub.post(REGISTER, "", person(number)).await.status == 429);
    }
    assert!(refused > 0, "the limits of this test are those of people");
}

#[tokio::test]
async fn timestamp_is_an_appservices_alone_and_taken_exactly() {
    let hub = start().await;
    let (_, alice) = hub.user("alice").await;
    let ghost = hub.ghost(TOKEN, "irc_a").await;
    let room = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    let at = |rest: &str, ts: &str| room_path(&room, &format!("{rest}?user_id={ghost}&ts={ts}"));
    hub.post(&at("join", "1"), TOKEN, json!({})).await.ok();
    let body = json!({ "msgtype": "m.text", "body": "old" });
    let sent = hub.put(&at("send/m.room.message/t1", "1234567890123"), TOKEN, body.clone()).await.ok();
    let mut made = vec![sent["event_id"].clone()];
    let redact = at(&format!("redact/{}/t2", encode(sent["event_id"].as_str().expect("an id"))), "1234567890123");
    made.push(hub.put(&redact, TOKEN, json!({})).await.ok()["event_id"].clone());
    let levels = json!({ "users": { (ghost.as_str()): 50 }, "events_default": 0 });
    hub.put(&room_path(&room, "state/m.room.power_levels/"), &alice, levels).await.ok();
    let topic = json!({ "topic": "old" });
    made.push(hub.put(&at("state/m.room.topic/", "1234567890123"), TOKEN, topic).await.ok()["event_id"].clone());
    for event in &made {
        let path = room_path(&room, &format!("event/{}", encode(event.as_str().expect("an id"))));
        assert_eq!(hub.get(&path, &alice).await.ok()["origin_server_ts"], 1_234_567_890_123_i64);
    }
    let own = hub.put(&room_path(&room, "send/m.room.message/t1?ts=5"), &alice, body.clone()).await.ok();
    let path = room_path(&room, &format!("event/{}", encode(own["event_id"].as_str().expect("an id"))));
    assert!(hub.get(&path, &alice).await.ok()["origin_server_ts"].as_i64() > Some(1_600_000_000_000));
    for bad in ["-1", "x", "9007199254740992"] {
        hub.put(&at("send/m.room.message/t3", bad), TOKEN, body.clone()).await.refused(400, "M_INVALID_PARAM");
    }
}

#[tokio::test]
async fn registration_with_device_management_makes_devices_by_put_alone() {
    let hub = TestHub::start().await;
    let text = format!("{REGISTRATION}io.element.msc4190: true\n");
    hub.api.registrations.add(&text).await.expect("a valid registration");
    let register = json!({ "type": "m.login.application_service", "username": "irc_a" });
    hub.post(REGISTER, TOKEN, register).await.refused(400, "M_APPSERVICE_LOGIN_UNSUPPORTED");
    let ghost = hub.ghost(TOKEN, "irc_a").await;
    let login =
        json!({ "type": "m.login.application_service", "identifier": { "type": "m.id.user", "user": "irc_a" } });
    hub.post("/_matrix/client/v3/login", TOKEN, login).await.refused(400, "M_APPSERVICE_LOGIN_UNSUPPORTED");
    let device = |id: &str| format!("/_matrix/client/v3/devices/{id}?user_id={ghost}");
    for id in ["ONE", "TWO", "THREE"] {
        assert_eq!(hub.put(&device(id), TOKEN, json!({ "display_name": "bridge" })).await.status, 201);
    }
    assert_eq!(hub.put(&device("ONE"), TOKEN, json!({ "display_name": "renamed" })).await.status, 200);
    assert_eq!(hub.get(&device("ONE"), TOKEN).await.ok()["display_name"], "renamed");
    hub.call("DELETE", &device("ONE"), TOKEN, "").await.ok();
    let path = format!("/_matrix/client/v3/delete_devices?user_id={ghost}");
    hub.post(&path, TOKEN, json!({ "devices": ["TWO"] })).await.ok();
    let left = hub.get(&format!("/_matrix/client/v3/devices?user_id={ghost}"), TOKEN).await.ok();
    assert_eq!(left["devices"].as_array().map(Vec::len), Some(1), "{left}");
    let whoami = format!("/_matrix/client/v3/account/whoami?user_id={ghost}&device_id=ONE");
    hub.get(&whoami, TOKEN).await.refused(400, "M_UNKNOWN_DEVICE");
}

#[tokio::test]
async fn cross_signing_keys_of_ghosts_are_uploaded_and_replaced_without_a_password() {
    let hub = start().await;
    let ghost = hub.ghost(TOKEN, "irc_a").await;
    let path = format!("/_matrix/client/v3/keys/device_signing/upload?user_id={ghost}");
    for key in ["ONE", "TWO"] {
        let keys = json!({ (format!("ed25519:{key}")): key });
        let master = json!({ "user_id": ghost, "usage": ["master"], "keys": keys });
        hub.post(&path, TOKEN, json!({ "master_key": master })).await.ok();
    }
    let query = json!({ "device_keys": { (ghost.as_str()): [] } });
    let found = hub.post("/_matrix/client/v3/keys/query", TOKEN, query).await.ok();
    assert_eq!(found["master_keys"][&ghost]["keys"], json!({ "ed25519:TWO": "TWO" }));
}

#[tokio::test]
async fn double_puppets_act_for_people_and_for_nobody_elses_ghosts() {
    let hub = start().await;
    hub.api.registrations.add(DOUBLE_PUPPETS).await.expect("wide beside exclusive");
    let (alice_id, alice) = hub.user("alice").await;
    hub.ghost(TOKEN, "irc_a").await;
    let whoami = |user: &str| format!("/_matrix/client/v3/account/whoami?user_id={user}");
    assert_eq!(hub.get(&whoami("@alice:hub.test"), PUPPETS).await.ok()["user_id"], alice_id.as_str());
    hub.get(&whoami("@nobody:hub.test"), PUPPETS).await.refused(403, "M_FORBIDDEN");
    hub.get(&whoami("@irc_a:hub.test"), PUPPETS).await.refused(403, "M_FORBIDDEN");
    hub.get(&whoami("@alice:elsewhere.test"), PUPPETS).await.refused(403, "M_FORBIDDEN");
    let room = create(&hub, &alice, json!({})).await;
    let content = json!({ "msgtype": "m.text", "body": "from the phone", "fi.mau.double_puppet_source": "mautrix" });
    let path = room_path(&room, "send/m.room.message/t1?user_id=@alice:hub.test&ts=1700000000000");
    hub.put(&path, PUPPETS, content.clone()).await.ok();
    let page = hub.get(&room_path(&room, "messages?dir=b&limit=1"), &alice).await.ok();
    let event = &page["chunk"][0];
    assert_eq!((&event["sender"], &event["content"]), (&json!(alice_id), &content));
    assert_eq!(event["origin_server_ts"], 1_700_000_000_000_i64);
    let data = format!("{}?user_id=@alice:hub.test", user_path("@alice:hub.test", "account_data/m.direct"));
    hub.put(&data, PUPPETS, json!({ "@irc_a:hub.test": [room] })).await.ok();
    hub.get(&user_path("@alice:hub.test", "account_data/m.direct"), &alice).await.ok();
    let password = json!({ "new_password": "taken over" });
    let path = "/_matrix/client/v3/account/password?user_id=@alice:hub.test";
    hub.post(path, PUPPETS, password).await.refused(403, "M_FORBIDDEN");
    let path = "/_matrix/client/v3/account/deactivate?user_id=@alice:hub.test";
    hub.post(path, PUPPETS, json!({})).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn what_is_an_appservices_alone_is_refused_to_others_and_the_rest_to_it() {
    let hub = start().await;
    let (_, alice) = hub.user("alice").await;
    let exclusive = |alias: &str| format!("/_matrix/client/v3/directory/room/{}", encode(alias));
    let room = create(&hub, &alice, json!({})).await;
    let target = json!({ "room_id": room });
    hub.put(&exclusive("#irc_a:hub.test"), &alice, target.clone()).await.refused(400, "M_EXCLUSIVE");
    let named = json!({ "room_alias_name": "irc_a" });
    hub.post("/_matrix/client/v3/createRoom", &alice, named).await.refused(400, "M_EXCLUSIVE");
    hub.put(&exclusive("#irc_a:hub.test"), TOKEN, target.clone()).await.ok();
    hub.call("DELETE", &exclusive("#irc_a:hub.test"), &alice, "").await.refused(400, "M_EXCLUSIVE");
    hub.call("DELETE", &exclusive("#irc_a:hub.test"), TOKEN, "").await.ok();
    hub.put(&exclusive("#other:hub.test"), TOKEN, target).await.refused(400, "M_EXCLUSIVE");
    let named = json!({ "room_alias_name": "other" });
    hub.post("/_matrix/client/v3/createRoom", TOKEN, named).await.refused(400, "M_EXCLUSIVE");
    let available = "/_matrix/client/v3/register/available?username=irc_a";
    hub.get(available, "").await.refused(400, "M_EXCLUSIVE");
    let login =
        json!({ "type": "m.login.application_service", "identifier": { "type": "m.id.user", "user": "alice" } });
    hub.post("/_matrix/client/v3/login", TOKEN, login).await.refused(403, "M_EXCLUSIVE");
    let flows = hub.get("/_matrix/client/v3/login", "").await.ok();
    let flows = flows["flows"].as_array().expect("flows");
    assert!(flows.iter().any(|flow| flow["type"] == "m.login.application_service"));
}

#[tokio::test]
async fn ghost_comes_into_an_invite_only_room_the_way_bridges_do_it() {
    let hub = start().await;
    let ghost = hub.ghost(TOKEN, "irc_a").await;
    let room = create(&hub, TOKEN, json!({ "preset": "private_chat" })).await;
    let join = room_path(&room, &format!("join?user_id={ghost}"));
    hub.post(&join, TOKEN, json!({})).await.refused(403, "M_FORBIDDEN");
    let say = room_path(&room, &format!("send/m.room.message/t1?user_id={ghost}"));
    hub.put(&say, TOKEN, json!({ "msgtype": "m.text", "body": "x" })).await.refused(403, "M_FORBIDDEN");
    let invite = room_path(&room, "invite");
    hub.post(&invite, TOKEN, json!({ "user_id": ghost })).await.ok();
    hub.post(&join, TOKEN, json!({})).await.ok();
    let member = room_path(&room, &format!("state/m.room.member/{ghost}"));
    for again in [
        hub.post(&invite, TOKEN, json!({ "user_id": ghost })).await,
        hub.put(&member, TOKEN, json!({ "membership": "invite" })).await,
    ] {
        let refused = again.refused(403, "M_FORBIDDEN");
        assert!(refused["error"].as_str().is_some_and(|text| text.contains("is already in the room")), "{refused}");
    }
    let topic = room_path(&room, &format!("state/m.room.topic/?user_id={ghost}"));
    hub.put(&topic, TOKEN, json!({ "topic": "x" })).await.refused(403, "M_FORBIDDEN");
    hub.post(&join, TOKEN, json!({})).await.ok();
}

#[tokio::test]
async fn what_there_is_not_yet_is_not_found_and_an_unknown_token_is_said_so() {
    let hub = start().await;
    let room = create(&hub, TOKEN, json!({})).await;
    let bot = "@ircbot:hub.test";
    for path in [
        user_path(bot, "account_data/irc"),
        user_path(bot, &format!("rooms/{}/account_data/irc", encode(&room))),
        room_path(&room, "state/m.room.topic/"),
    ] {
        hub.get(&path, TOKEN).await.refused(404, "M_NOT_FOUND");
    }
    let settings = json!({ "networks": { "libera": { "nested": [1, 2, null] } } });
    hub.put(&user_path(bot, "account_data/irc"), TOKEN, settings.clone()).await.ok();
    assert_eq!(hub.get(&user_path(bot, "account_data/irc"), TOKEN).await.ok(), settings);
    hub.get("/_matrix/client/v3/account/whoami", "nonsense").await.refused(401, "M_UNKNOWN_TOKEN");
    hub.get("/_matrix/client/v3/account/whoami", "").await.refused(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn flags_of_versions_stand_for_what_works() {
    let hub = start().await;
    let ((alice_id, alice), (bob_id, bob)) = (hub.user("alice").await, hub.user("bob").await);
    let flags = hub.get("/_matrix/client/versions", "").await.ok()["unstable_features"].clone();
    let known = |flag: &str| flags[flag] == true;
    for version in ["10", "11"] {
        let body = json!({ "preset": "public_chat", "room_version": version });
        let room = create(&hub, &alice, body).await;
        hub.post(&room_path(&room, "join"), &bob, json!({})).await.ok();

        assert!(known("com.beeper.msc4169"));
        let event = send_text(&hub, &alice, &room, "t1", "a slip").await;
        let redaction = json!({ "redacts": event, "reason": "slip", "com.example.more": 1 });
        let path = room_path(&room, "send/m.room.redaction/r1");
        let sent = hub.put(&path, &alice, redaction.clone()).await.ok();
        assert_eq!(hub.put(&path, &alice, redaction).await.ok(), sent, "repeated");
        let emptied = hub.get(&room_path(&room, &format!("event/{}", encode(&event))), &bob).await.ok();
        assert_eq!(emptied["content"], json!({}));
        assert_eq!(emptied["unsigned"]["redacted_because"]["content"]["com.example.more"], 1, "{emptied}");
        let bad = json!({ "reason": "no target" });
        hub.put(&room_path(&room, "send/m.room.redaction/r2"), &alice, bad).await.refused(400, "M_BAD_JSON");
        let event = send_text(&hub, &alice, &room, "t2", "mine").await;
        let foreign = json!({ "redacts": event });
        hub.put(&room_path(&room, "send/m.room.redaction/r3"), &bob, foreign).await.refused(403, "M_FORBIDDEN");

        assert!(
            known("uk.half-shot.msc2666.query_mutual_rooms") && known("uk.half-shot.msc2666.query_mutual_rooms.stable")
        );
        for path in ["v1/mutual_rooms", "unstable/uk.half-shot.msc2666/user/mutual_rooms"] {
            let path = format!("/_matrix/client/{path}?user_id=");
            let shared = hub.get(&format!("{path}{}", encode(bob_id.as_str())), &alice).await.ok();
            assert!(shared["joined"].as_array().is_some_and(|rooms| rooms.contains(&json!(room))), "{shared}");
            hub.get(&format!("{path}{}", encode(alice_id.as_str())), &alice).await.refused(400, "M_INVALID_PARAM");
            let nobody = hub.get(&format!("{path}@nobody:hub.test"), &alice).await.ok();
            assert_eq!(nobody["joined"], json!([]));
        }
    }
}

#[tokio::test]
async fn all_that_somebody_sent_is_redacted_from_the_newest_on() {
    let hub = start().await;
    let ((_, alice), (_, bob), (_, carol)) = (hub.user("alice").await, hub.user("bob").await, hub.user("carol").await);
    let room = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    hub.post(&room_path(&room, "join"), &bob, json!({})).await.ok();
    let mut said = Vec::new();
    for number in 0..4 {
        said.push(send_text(&hub, &bob, &room, &format!("t{number}"), &format!("spam {number}")).await);
    }
    let path = format!(
        "/_matrix/client/unstable/org.matrix.msc4194/rooms/{}/redact/user/@bob:hub.test?limit=3",
        encode(&room)
    );
    hub.post(&path, &carol, json!({})).await.refused(403, "M_FORBIDDEN");
    let first = hub.post(&path, &alice, json!({ "reason": "spam" })).await.ok();
    let total = |answer: &Value| (answer["is_more_events"].clone(), answer["redacted_events"]["total"].clone());
    assert_eq!(total(&first), (json!(true), json!(3)));
    let content = async |event: &str| {
        let path = room_path(&room, &format!("event/{}", encode(event)));
        hub.get(&path, &alice).await.ok()["content"].clone()
    };
    assert_eq!(content(&said[3]).await, json!({}));
    assert_eq!(content(&said[0]).await["body"], "spam 0");
    // The message that is left and the join.
    assert_eq!(total(&hub.post(&path, &alice, json!({})).await.ok()), (json!(false), json!(2)));
    assert_eq!(content(&said[0]).await, json!({}));
    assert_eq!(total(&hub.post(&path, &alice, json!({})).await.ok()), (json!(false), json!(0)));
}
