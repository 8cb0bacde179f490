//! The engine with a fake network, a fake Matrix and a real store.

mod fakes;

use std::sync::atomic::Ordering;

use causeway_engine::connector::*;
use causeway_engine::{EngineError, Install};
use causeway_router::{Delivered, EventFacts, Interested};
use fakes::World;
use ruma::{EventId, UserId};
use serde_json::json;

fn chat() -> PortalKey {
    PortalKey { id: "#rust".into(), receiver: None }
}

fn kind(text: &str, id: &str) -> RemoteKind {
    let body = Body::Text(Text { kind: TextKind::Text, body: text.into(), html: None });
    let part = Part { id: String::new(), body, mentions: Mentions::default(), extra: None, metadata: None };
    let message = Message { parts: vec![part], reply_to: None, thread_root: None, disappear_after_ms: 0 };
    RemoteKind::Message(NewMessage { id: id.into(), message, echo_of: None, upsert: false })
}

fn event(from: &str, key: &str, kind: RemoteKind) -> RemoteEvent {
    RemoteEvent {
        portal: chat(),
        sender: Sender { ghost: from.into(), is_me: false, via_login: None },
        at: 1_000,
        order: 0,
        key: key.into(),
        create_portal: true,
        kind,
    }
}

fn submit(events: impl IntoIterator<Item = RemoteEvent>) -> Effects {
    Effects { acts: events.into_iter().map(Act::Submit).collect(), ..Effects::default() }
}

/// A line with an id, as IRC networks with `msgid` give it.
fn line(from: &str, text: &str, id: &str) -> Effects {
    submit([event(from, id, kind(text, id))])
}

/// A line without id.
fn bare(from: &str, text: &str) -> Effects {
    submit([event(from, "", kind(text, ""))])
}

fn report(status: Status) -> Effects {
    let report =
        Report { status, code: "x".into(), message: String::new(), action: UserAction::None, profile: None, ttl_s: 0 };
    Effects { acts: vec![Act::State { login: None, report }], ..Effects::default() }
}

fn bodies(said: &[fakes::Said]) -> Vec<&str> {
    let spoken = said.iter().filter(|said| said.event_type == "m.room.message").map(fakes::Said::body);
    spoken.filter(|body| !body.contains("encryption can't be switched on")).collect()
}

fn count(said: &[fakes::Said]) -> usize {
    bodies(said).len()
}

#[tokio::test]
async fn a_remote_message_makes_ghost_portal_and_event_once() {
    let world = World::new().await;
    let alice = world.login("alice").await;
    let mut effects = line("bob", "hello", "m1");
    effects.kv.push(KvWrite { key: "seen".into(), value: Some(b"m1".to_vec()), secret: false });
    world.deliver(&alice, effects).await;
    let said = world.until("#rust", "hello", |said| count(said) == 1).await;
    let message = said.iter().find(|said| said.body() == "hello").unwrap();
    assert_eq!(message.sender, "@irc_bob:hub.test");
    let room = world.matrix.room_of_alias("#irc_=23rust:hub.test").unwrap();
    assert_eq!(world.matrix.member(&room, "@alice:hub.test").as_deref(), Some("join"));

    // A replay, after a restart too, changes nothing; what comes new goes on, in order.
    world.deliver(&alice, line("bob", "hello", "m1")).await;
    let world = world.restart().await;
    world.deliver(&alice, line("bob", "hello", "m1")).await;
    world.deliver(&alice, line("bob", "again", "m2")).await;
    let said = world.until("#rust", "again", |said| bodies(said).contains(&"again")).await;
    let spoken: Vec<_> = bodies(&said).into_iter().filter(|body| !body.contains("missing")).collect();
    assert_eq!(spoken, ["hello", "again"]);
    let store = StoreId { bridge: "irc".into(), login: Some(alice) };
    let known = world.services().known_message(&store, &MessageRef { id: "m1".into(), part: None }).await.unwrap();
    assert_eq!(known.unwrap().event_id, message.event_id);
    let kv = world.services().kv_get(&store, &["seen".into()], false).await.unwrap();
    assert_eq!(kv, [Some(b"m1".to_vec())]);
}

#[tokio::test]
async fn a_delivery_whose_commit_fails_is_made_again_and_counts_once() {
    let world = World::new().await;
    let alice = world.login("alice").await;
    world.deliver(&alice, line("bob", "one", "m1")).await;
    world.until("#rust", "one", |said| count(said) == 1).await;
    world.matrix.unavailable.store(1, Ordering::SeqCst);
    assert!(world.try_deliver(&alice, line("bob", "two", "m2")).await.is_err());
    world.deliver(&alice, line("bob", "two", "m2")).await;
    world.deliver(&alice, line("bob", "two", "m2")).await;
    let said = world.until("#rust", "two", |said| count(said) >= 2).await;
    assert_eq!(bodies(&said), ["one", "two"]);
}

#[tokio::test]
async fn a_burst_in_one_delivery_keeps_its_order() {
    let world = World::new().await;
    let alice = world.login("alice").await;
    let texts: Vec<String> = (0..60).map(|number| format!("line {number}")).collect();
    let events = |texts: &[String]| {
        submit(texts.iter().enumerate().map(|(n, text)| {
            let id = text.replace(' ', "-");
            event(["bob", "carol"][n % 2], &id, kind(text, &id))
        }))
    };
    world.deliver(&alice, events(&texts[..40])).await;
    world.deliver(&alice, events(&texts[40..])).await;
    let said = world.until("#rust", "60 lines", |said| count(said) == 60).await;
    assert_eq!(bodies(&said), texts.iter().map(String::as_str).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_message_that_several_logins_see_is_one_event() {
    let world = World::new().await;
    let (alice, dave) = (world.login("alice").await, world.login("dave").await);
    for text in ["a", "b", "c"] {
        world.deliver(&alice, line("bob", text, text)).await;
        world.deliver(&dave, line("bob", text, text)).await;
    }
    // What dave's account says is dave's to report: alice's copy of it is not believed.
    world.deliver(&alice, line("dave", "from dave", "d")).await;
    let mut own = event("dave", "d", kind("from dave", "d"));
    own.sender.is_me = true;
    world.deliver(&dave, submit([own])).await;
    let said = world.until("#rust", "4 messages", |said| count(said) >= 4).await;
    assert_eq!(bodies(&said), ["a", "b", "c", "from dave"]);
    assert_eq!(said.iter().find(|said| said.body() == "from dave").unwrap().sender, "@dave:hub.test");
}

#[tokio::test]
async fn without_ids_one_login_is_believed_and_its_successor_goes_on_after_a_notice() {
    let world = World::new().await;
    let (alice, dave) = (world.login("alice").await, world.login("dave").await);
    world.deliver(&alice, report(Status::Connected)).await;
    world.deliver(&dave, report(Status::Connected)).await;
    world.deliver(&alice, bare("bob", "one")).await;
    world.deliver(&dave, bare("bob", "one")).await;
    world.deliver(&alice, bare("bob", "two")).await;
    world.deliver(&dave, bare("bob", "two")).await;
    world.deliver(&alice, bare("bob", "three")).await;
    world.deliver(&dave, bare("bob", "four")).await;
    world.deliver(&alice, report(Status::TransientDisconnect)).await;
    world.deliver(&dave, bare("bob", "five")).await;
    let said = world.until("#rust", "five", |said| bodies(said).contains(&"five")).await;
    let bodies = bodies(&said);
    assert_eq!(bodies[..3], ["one", "two", "three"]);
    assert!(bodies[3].contains("missing or doubled"), "{bodies:?}");
    assert_eq!(bodies[4..], ["four", "five"]);
}

#[tokio::test]
async fn after_everybody_was_gone_a_notice_says_that_lines_may_be_missing() {
    let world = World::new().await;
    let alice = world.login("alice").await;
    world.deliver(&alice, report(Status::Connected)).await;
    world.deliver(&alice, line("bob", "before", "m1")).await;
    world.deliver(&alice, report(Status::TransientDisconnect)).await;
    world.deliver(&alice, report(Status::Connected)).await;
    world.deliver(&alice, line("bob", "after", "m2")).await;
    let said = world.until("#rust", "after", |said| bodies(said).contains(&"after")).await;
    let bodies = bodies(&said);
    assert_eq!((bodies[0], bodies[2]), ("before", "after"));
    assert!(bodies[1].contains("may be missing"));
}

/// A portal with one message, and an event of alice in it.
async fn portal(world: &World) -> (LoginId, ruma::OwnedRoomId) {
    let alice = world.login("alice").await;
    world.deliver(&alice, line("bob", "hello", "m1")).await;
    world.until("#rust", "hello", |said| count(said) == 1).await;
    (alice, world.matrix.room_of_alias("#irc_=23rust:hub.test").unwrap())
}

fn answers(world: &World, outcomes: Vec<Outcome>) {
    *world.host.connector.answers.lock().unwrap() = outcomes;
}

#[tokio::test]
async fn a_pending_message_is_settled_by_its_echo_and_makes_no_second_event() {
    let world = World::new().await;
    let (alice, room) = portal(&world).await;
    answers(&world, vec![Outcome::Pending]);
    let entry = world.matrix.entry(
        &room,
        "@alice:hub.test",
        "m.room.message",
        None,
        json!({"msgtype": "m.emote", "body": "waves"}),
    );
    let taken = world.router.deliver("login:irc:alice", 1, vec![entry.clone()]).await;
    assert!(matches!(&taken, Delivered::Taken { pending } if *pending == [entry.position]), "{taken:?}");

    let mut echo = event("alice", "m2", kind("waves", "m2"));
    echo.sender.is_me = true;
    if let RemoteKind::Message(message) = &mut echo.kind {
        message.echo_of = Some(entry.event_id.to_string());
    }
    world.deliver(&alice, submit([echo.clone()])).await;
    assert_eq!(world.router.settled.lock().unwrap().as_slice(), [("login:irc:alice".to_owned(), entry.position)]);
    let store = StoreId { bridge: "irc".into(), login: Some(alice.clone()) };
    let known = world.services().known_message(&store, &MessageRef { id: "m2".into(), part: None }).await.unwrap();
    assert_eq!(known.unwrap().event_id, *entry.event_id);

    // Offered again by a router that forgot, it is not sent again.
    let taken = world.router.deliver("login:irc:alice", 2, vec![entry]).await;
    assert!(matches!(&taken, Delivered::Taken { pending } if pending.is_empty()), "{taken:?}");
    assert_eq!(world.host.connector.offered.lock().unwrap().len(), 1);
    world.deliver(&alice, line("bob", "last", "m3")).await;
    let said = world.until("#rust", "last", |said| bodies(said).contains(&"last")).await;
    assert_eq!(bodies(&said), ["hello", "last"]);
}

#[tokio::test]
async fn a_pending_message_is_offered_again_with_its_attempt_and_an_unknown_end_is_shown() {
    let world = World::new().await;
    let (alice, room) = portal(&world).await;
    answers(&world, vec![Outcome::Pending, Outcome::Pending]);
    let content = json!({"msgtype": "m.text", "body": "did it?"});
    let entry = world.matrix.entry(&room, "@alice:hub.test", "m.room.message", None, content);
    world.router.deliver("login:irc:alice", 1, vec![entry.clone()]).await;
    world.router.deliver("login:irc:alice", 7, vec![entry.clone()]).await;
    {
        let offered = world.host.connector.offered.lock().unwrap();
        let attempts: Vec<u32> = offered.iter().map(|event| event.attempt).collect();
        assert_eq!(attempts, [1, 2]);
        assert_eq!(offered[0].id, offered[1].id);
    }
    let settle = Act::Settle { txn: entry.event_id.to_string(), outcome: Outcome::Unknown("no echo".into()) };
    let world = world.restart().await;
    world.deliver(&alice, Effects { acts: vec![settle], ..Effects::default() }).await;
    assert_eq!(world.router.settled.lock().unwrap().len(), 1);
    let said = world
        .until("#rust", "a notice", |said| said.iter().any(|said| said.body().contains("may not have arrived")))
        .await;
    let notice = said.iter().find(|said| said.body().contains("may not have arrived")).unwrap();
    assert_eq!(notice.content["m.relates_to"]["m.in_reply_to"]["event_id"], *entry.event_id);
}

#[tokio::test]
async fn a_failure_is_told_to_the_sender_with_its_reason() {
    let world = World::new().await;
    let (_, room) = portal(&world).await;
    let error = RemoteError { kind: ErrorKind::Forbidden, message: "you are muted".into(), retry_after_ms: None };
    answers(&world, vec![Outcome::Failed(error)]);
    let content = json!({"msgtype": "m.text", "body": "hi"});
    let entry = world.matrix.entry(&room, "@alice:hub.test", "m.room.message", None, content);
    world.router.deliver("login:irc:alice", 1, vec![entry.clone()]).await;
    let is_status = |said: &fakes::Said| said.event_type == "com.beeper.message_send_status";
    let said = world.until("#rust", "a status", |said| said.iter().any(is_status)).await;
    let notice = said.iter().find(|said| said.body().contains("you are muted")).unwrap();
    assert_eq!(notice.sender, "@ircbot:hub.test");
    assert_eq!(notice.content["m.relates_to"]["m.in_reply_to"]["event_id"], *entry.event_id);
    assert_eq!(said.iter().find(|said| is_status(said)).unwrap().content["status"], "FAIL_PERMANENT");
}

#[tokio::test]
async fn edits_reactions_and_removals_find_their_message_both_ways() {
    let world = World::new().await;
    let (alice, room) = portal(&world).await;
    let said = world.matrix.said(&room);
    let hello = said.iter().find(|said| said.body() == "hello").unwrap().event_id.clone();
    let contents = [
        ("m.reaction", json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": hello, "key": "+"}})),
        (
            "m.room.message",
            json!({"msgtype": "m.text", "body": "yes", "m.relates_to": {"m.in_reply_to": {"event_id": hello}}}),
        ),
        ("m.room.redaction", json!({"redacts": hello})),
    ];
    let entries = contents
        .into_iter()
        .map(|(kind, content)| world.matrix.entry(&room, "@alice:hub.test", kind, None, content))
        .collect();
    world.router.deliver("login:irc:alice", 1, entries).await;
    let target = MessageRef { id: "m1".into(), part: None };
    {
        let offered = world.host.connector.offered.lock().unwrap();
        assert!(
            matches!(&offered[0].kind, MatrixKind::React { target: found, emoji, .. } if *found == target && emoji == "+")
        );
        assert!(
            matches!(&offered[1].kind, MatrixKind::Send { message, .. } if message.reply_to.as_ref() == Some(&target))
        );
        assert!(matches!(&offered[2].kind, MatrixKind::Remove(found) if *found == target));
    }
    world.deliver(&alice, line("bob", "typo", "m2")).await;
    let RemoteKind::Message(fixed) = kind("fixed", "") else { panic!("a message") };
    let edit = Edit { target: "m2".into(), changed: fixed.message.parts, removed: vec![], added: vec![] };
    world.deliver(&alice, submit([event("bob", "e1", RemoteKind::Edit(edit))])).await;
    let target = MessageRef { id: "m2".into(), part: None };
    let removal = Removal { target, only_for_me: false };
    world.deliver(&alice, submit([event("bob", "r1", RemoteKind::Removal(removal))])).await;
    let said = world.until("#rust", "a redaction", |said| said.iter().any(|said| said.redacts.is_some())).await;
    let typo = said.iter().find(|said| said.body() == "typo").unwrap();
    let edit = said.iter().find(|said| said.body() == "* fixed").unwrap();
    assert_eq!(edit.content["m.relates_to"]["event_id"], typo.event_id);
    let redaction = said.iter().find(|said| said.redacts.is_some()).unwrap();
    assert_eq!(redaction.redacts.as_deref(), Some(typo.event_id.as_str()));
}

#[tokio::test]
async fn members_and_powers_follow_the_network() {
    let world = World::new().await;
    let (alice, room) = portal(&world).await;
    let member = |ghost: &str, membership, power| Member {
        who: Sender { ghost: ghost.into(), is_me: false, via_login: None },
        membership,
        power,
        nick: Some(ghost.to_uppercase()),
    };
    let members = vec![member("bob", Membership::Join, Some(50)), member("eve", Membership::Join, None)];
    world.deliver(&alice, submit([event("", "k1", RemoteKind::Members(members))])).await;
    let members = vec![member("eve", Membership::Leave, None)];
    world.deliver(&alice, submit([event("bob", "k2", RemoteKind::Members(members))])).await;
    world.deliver(&alice, line("bob", "end", "m9")).await;
    world.until("#rust", "the end", |said| bodies(said).contains(&"end")).await;
    assert_eq!(world.matrix.member(&room, "@irc_eve:hub.test").as_deref(), Some("leave"));
    let levels =
        causeway_engine::matrix::Matrix::state(&*world.matrix, &room, "m.room.power_levels", "").await.unwrap();
    let levels = levels.unwrap();
    assert_eq!(levels["users"]["@irc_bob:hub.test"], 50);
    assert_eq!(levels["events"]["m.room.encryption"], 150);
    assert_eq!(world.matrix.users.lock().unwrap()["@irc_bob:hub.test"], "BOB");
}

#[tokio::test]
async fn only_what_a_logins_own_user_does_is_for_it_and_never_what_the_bridge_did() {
    let world = World::new().await;
    let (_, room) = portal(&world).await;
    let wants = |sender: &str, content: &str| {
        world.engine.of_event(&EventFacts {
            room_id: &room,
            event_id: <&EventId>::try_from("$x").unwrap(),
            sender: <&UserId>::try_from(sender).unwrap(),
            event_type: "m.room.message",
            state_key: None,
            content,
        })
    };
    let alice = world.router.nid("login:irc:alice").unwrap();
    assert_eq!(wants("@alice:hub.test", "{}"), [alice]);
    assert_eq!(wants("@irc_bob:hub.test", "{}"), []);
    assert_eq!(wants("@stranger:hub.test", "{}"), []);
    assert_eq!(wants("@alice:hub.test", r#"{"fi.mau.double_puppet_source":"irc"}"#), []);
    assert_eq!(wants("@alice:hub.test", r#"{"fi.mau.double_puppet_source":"other"}"#), [alice]);
}

#[tokio::test]
async fn the_bot_takes_commands_from_who_may_and_refuses_others_clearly() {
    let world = World::new().await;
    let bot = "@ircbot:hub.test";
    let invite = json!({"membership": "invite"});
    let refused = world.matrix.make_room((bot, "invite"));
    let entry = world.matrix.entry(&refused, "@mallory:else.test", "m.room.member", Some(bot), invite.clone());
    world.router.deliver("bridge:irc", 1, vec![entry]).await;
    assert_eq!(world.matrix.member(&refused, bot).as_deref(), Some("leave"));
    let reason = world.matrix.said(&refused)[0].content["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("may not use the bridge irc"), "{reason}");

    let room = world.matrix.make_room((bot, "invite"));
    let user = "@alice:hub.test";
    let join = json!({"membership": "join"});
    let content = serde_json::value::to_raw_value(&join).unwrap();
    let entry = world.matrix.entry(&room, user, "m.room.member", Some(bot), invite);
    world.router.deliver("bridge:irc", 1, vec![entry]).await;
    let change = causeway_hub::rooms::Membership {
        room_id: room.clone(),
        sender: user.try_into().unwrap(),
        target: user.try_into().unwrap(),
        change: causeway_hub::rooms::MembershipChange::Join,
        reason: None,
        extra: serde_json::Map::new(),
        timestamp: None,
    };
    causeway_engine::matrix::Matrix::change_membership(&*world.matrix, change).await.unwrap();
    drop(content);
    let mut last = String::new();
    let mut asked = Vec::new();
    for command in ["nonsense", "help", "login", "alice", "pw", "list", "ping", "join #rust", "logout"] {
        let content = json!({"msgtype": "m.text", "body": command});
        let entry = world.matrix.entry(&room, user, "m.room.message", None, content);
        if command == "pw" {
            last = entry.event_id.to_string();
        }
        world.router.deliver("bridge:irc", 1, vec![entry]).await;
        let reply = world.matrix.said(&room).last().unwrap().body().to_owned();
        asked.push(reply);
    }
    let expected = [
        "don't know",
        "login [way]",
        "nick?",
        "password?",
        "Logged in as alice",
        "alice (alice)",
        "alice:",
        "#rust is !",
        "Logged out",
    ];
    for (reply, expected) in asked.iter().zip(expected) {
        assert!(reply.contains(expected), "{reply:?} should say {expected:?}");
    }
    let hidden = world.matrix.said(&room).into_iter().find(|said| said.redacts.is_some()).unwrap();
    assert_eq!(hidden.redacts, Some(last));
    assert!(world.bridge().logins().is_empty());
}

#[tokio::test]
async fn secrets_are_sealed_and_come_back() {
    let world = World::new().await;
    let alice = world.login("alice").await;
    let write = |key: &str, secret| KvWrite { key: key.into(), value: Some(b"hunter2".to_vec()), secret };
    world.deliver(&alice, Effects { kv: vec![write("s/pw", true), write("s/x", false)], ..Effects::default() }).await;
    let store = StoreId { bridge: "irc".into(), login: Some(alice) };
    let found = world.services().kv_scan(&store, "s/", None, 10, true).await.unwrap();
    assert_eq!(found, [("s/pw".to_owned(), b"hunter2".to_vec())]);
    let rows = world.store.fetch("select value from bridge_kv where secret = 1", vec![]).await.unwrap();
    let sealed: Vec<u8> = rows[0].get(0).unwrap();
    assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
}

#[tokio::test]
async fn install_checks_id_config_and_permissions_and_registers_the_namespace() {
    let world = World::new().await;
    let install = |id: &str, config| Install { plugin: "irc".into(), id: Some(id.into()), config };
    let refused = world.engine.install(install("irc", json!({}))).await;
    assert!(matches!(refused, Err(EngineError::Taken(_))));
    assert!(matches!(world.engine.install(install("Bad_Id", json!({}))).await, Err(EngineError::Invalid(_))));
    let refused = world.engine.install(install("b", json!({"mistake": 1}))).await;
    assert!(refused.unwrap_err().to_string().contains("no mistakes please"));
    let refused = world.engine.install(install("b", json!({"permissions": {"*": "king"}}))).await;
    assert!(refused.unwrap_err().to_string().contains("permissions"));
    let registration = world.router.registrations.lock().unwrap()[0].clone();
    assert!(registration.contains("@irc_.*") && registration.contains("io.causeway.plugin"));
    world.engine.disable("irc").await.unwrap();
    assert!(!world.engine.list()[0].enabled);
    world.engine.enable("irc").await.unwrap();
    world.engine.remove("irc", true).await.unwrap();
    assert!(world.engine.list().is_empty());
    let rooms = world.matrix.room_count();
    assert_eq!(rooms, 0);
}
