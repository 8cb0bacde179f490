//! From Matrix to the network.

use causeway_router::{Delivery, DeliveryState, DestinationId, Redelivery};
use causeway_store::Entry;

use super::*;

pub async fn a_pending_message_is_settled_by_its_echo_and_makes_no_second_event(world: World) {
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

pub async fn a_store_that_wakes_for_a_message_takes_it_once(world: World) {
    let (_alice, room) = portal(&world).await;
    world.host.connector.sleeps.store(true, Ordering::Relaxed);
    answers(&world, vec![Outcome::Pending, Outcome::Pending]);
    let content = json!({"msgtype": "m.text", "body": "good morning"});
    let entry = world.matrix.entry(&room, "@alice:hub.test", "m.room.message", None, content);
    let taken = world.router.deliver("login:irc:alice", 1, vec![entry.clone()]).await;
    assert!(matches!(&taken, Delivered::Taken { pending } if *pending == [entry.position]), "{taken:?}");
    assert_eq!(world.host.connector.offered.lock().unwrap().len(), 1);
}

pub async fn a_pending_message_is_offered_again_with_its_attempt_and_an_unknown_end_is_shown(world: World) {
    let (alice, room) = portal(&world).await;
    answers(&world, vec![Outcome::Pending, Outcome::Pending]);
    let content = json!({"msgtype": "m.text", "body": "did it?"});
    let entry = world.matrix.entry(&room, "@alice:hub.test", "m.room.message", None, content);
    let store = StoreId { bridge: "irc".into(), login: Some(alice.clone()) };
    world.router.deliver("login:irc:alice", 1, vec![entry.clone()]).await;
    world.router.deliver("login:irc:alice", 2, vec![entry.clone()]).await;
    assert_eq!(world.host.connector.offered.lock().unwrap().len(), 1, "nobody has forgotten it");
    world.services().revived(&store);
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

pub async fn what_is_taken_back_before_it_left_is_sent_to_nobody(world: World) {
    let (_, room) = portal(&world).await;
    let says = |body: &str| {
        let content = json!({"msgtype": "m.text", "body": body});
        world.matrix.entry(&room, "@alice:hub.test", "m.room.message", None, content)
    };
    let (regretted, kept) = (says("regretted"), says("kept"));
    world.matrix.redact(&regretted);
    world.router.deliver("login:irc:alice", 1, vec![regretted.clone(), kept.clone()]).await;
    let offered: Vec<String> = world.host.connector.offered.lock().unwrap().iter().map(|it| it.id.clone()).collect();
    assert_eq!(offered, [kept.event_id.to_string()]);
    // What may have left is offered again: its redaction has to follow it.
    let left = says("left");
    answers(&world, vec![Outcome::Pending]);
    world.router.deliver("login:irc:alice", 1, vec![left.clone()]).await;
    world.matrix.redact(&left);
    let world = world.restart().await;
    world.router.deliver("login:irc:alice", 2, vec![left.clone()]).await;
    let offered: Vec<u32> = world.host.connector.offered.lock().unwrap().iter().map(|it| it.attempt).collect();
    assert_eq!(offered, [2]);
}

pub async fn a_failure_is_told_to_the_sender_with_its_reason(world: World) {
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

pub async fn edits_reactions_and_removals_find_their_message_both_ways(world: World) {
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

pub async fn only_what_a_logins_own_user_does_is_for_it_and_never_what_the_bridge_did(world: World) {
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

pub async fn the_relay_speaks_for_who_has_no_login_with_their_name(world: World) {
    world.engine.remove("irc", true).await.unwrap();
    let permissions = json!({"*": "none", "hub.test": "user", "@mute:hub.test": "none"});
    let config = json!({"permissions": permissions, "relay": true});
    world.engine.install(Install { plugin: "irc".into(), id: None, config }).await.unwrap();
    let (_, room) = portal(&world).await;
    let wants = |sender: &str, event_type: &str| {
        world.engine.of_event(&EventFacts {
            room_id: &room,
            event_id: <&EventId>::try_from("$x").unwrap(),
            sender: <&UserId>::try_from(sender).unwrap(),
            event_type,
            state_key: None,
            content: "{}",
        })
    };
    let alice = world.router.nid("login:irc:alice").unwrap();
    assert_eq!(wants("@stranger:hub.test", "m.room.message"), [alice]);
    assert_eq!(wants("@stranger:hub.test", "m.room.power_levels"), []);
    assert_eq!(wants("@mute:hub.test", "m.room.message"), []);
    assert_eq!(wants("@irc_bob:hub.test", "m.room.message"), []);

    let said = |sender| world.matrix.entry(&room, sender, "m.room.message", None, text("hi"));
    world.router.deliver("login:irc:alice", 1, vec![said("@alice:hub.test"), said("@stranger:hub.test")]).await;
    let offered = world.host.connector.offered.lock().unwrap();
    let names: Vec<_> = offered
        .iter()
        .map(|event| event.author.relay.as_ref().map(|relay| (relay.display_name.as_str(), relay.prefix.as_str())))
        .collect();
    assert_eq!(names, [None, Some(("stranger", "stranger: "))]);
}

pub async fn typing_is_told_as_it_begins_and_ends_and_not_back_to_where_it_comes_from(world: World) {
    let (alice, room) = portal(&world).await;
    let told = |what: &'static str, wanted: &'static [bool]| {
        let world = &world;
        async move {
            let wait = async {
                loop {
                    let told: Vec<bool> = {
                        let offered = world.host.connector.offered.lock().unwrap();
                        let typing = |event: &MatrixEvent| {
                            if let MatrixKind::Typing(is_typing) = event.kind { Some(is_typing) } else { None }
                        };
                        offered.iter().filter_map(typing).collect()
                    };
                    if told == wanted {
                        return;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            };
            let ended = tokio::time::timeout(std::time::Duration::from_secs(20), wait).await;
            assert!(ended.is_ok(), "{what}: not {wanted:?}");
        }
    };
    world.matrix.types(&room, "@stranger:hub.test", true);
    world.matrix.types(&room, "@irc_bob:hub.test", true);
    world.matrix.types(&room, "@alice:hub.test", true);
    told("alice begins", &[true]).await;
    world.matrix.types(&room, "@alice:hub.test", false);
    told("alice stops", &[true, false]).await;
    // Her own typing on the network is shown, and not told back.
    let mut own = event("alice", "", RemoteKind::Typing(Typing { timeout_ms: 60_000, recording: false }));
    own.sender.is_me = true;
    world.deliver(&alice, submit([own.clone()])).await;
    own.kind = RemoteKind::Typing(Typing { timeout_ms: 0, recording: false });
    world.deliver(&alice, submit([own])).await;
    world.matrix.types(&room, "@alice:hub.test", true);
    told("alice begins again", &[true, false, true]).await;
}

fn text(body: &str) -> serde_json::Value {
    json!({"msgtype": "m.text", "body": body})
}

fn edit(of: &str, body: &str) -> serde_json::Value {
    json!({"msgtype": "m.text", "body": body, "m.new_content": text(body),
           "m.relates_to": {"rel_type": "m.replace", "event_id": of}})
}

fn settled(id: &str, outcome: Outcome) -> Effects {
    Effects { acts: vec![Act::Settle { txn: id.into(), outcome }], ..Effects::default() }
}

fn sent_as(id: &str) -> Outcome {
    Outcome::Sent(vec![SentPart { part: String::new(), id: id.into(), at: None, order: 0, metadata: None }])
}

/// What the connector was offered, in words.
fn offered(world: &World) -> Vec<String> {
    let offered = world.host.connector.offered.lock().unwrap();
    offered
        .iter()
        .map(|event| match &event.kind {
            MatrixKind::Send { message, .. } => match &message.parts[0].body {
                Body::Text(text) => text.body.clone(),
                other => format!("{other:?}"),
            },
            MatrixKind::Edit { target, .. } => format!("edit of {}", target.id.as_str()),
            MatrixKind::React { target, .. } => format!("reaction to {}", target.id.as_str()),
            MatrixKind::Remove(target) => format!("removal of {}", target.id.as_str()),
            other => format!("{other:?}"),
        })
        .collect()
}

pub async fn what_is_about_a_pending_message_waits_for_it_and_so_does_what_follows(world: World) {
    let (alice, room) = portal(&world).await;
    let say = |kind: &str, content| world.matrix.entry(&room, "@alice:hub.test", kind, None, content);
    let message = say("m.room.message", text("helo"));
    let id = message.event_id.to_string();
    let later = vec![
        say("m.room.message", edit(&id, "hello")),
        say("m.reaction", json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": id, "key": "+"}})),
        say("m.room.message", text("next")),
        say("m.room.redaction", json!({"redacts": id})),
    ];
    answers(&world, vec![Outcome::Pending]);
    let all = [message.clone()].into_iter().chain(later[..2].iter().cloned()).collect();
    let taken = world.router.deliver("login:irc:alice", 1, all).await;
    let expected: Vec<_> = [&message, &later[0], &later[1]].iter().map(|entry| entry.position).collect();
    assert!(matches!(&taken, Delivered::Taken { pending } if *pending == expected), "{taken:?}");
    let taken = world.router.deliver("login:irc:alice", 1, later[2..].to_vec()).await;
    assert!(matches!(&taken, Delivered::Taken { pending } if pending.len() == 2), "{taken:?}");
    assert_eq!(offered(&world), ["helo"], "all else waits");

    world.deliver(&alice, settled(&id, sent_as("m2"))).await;
    let woken: Vec<_> = world.router.woken.lock().unwrap().iter().map(|(_, position)| *position).collect();
    let waited: Vec<_> = later.iter().map(|entry| entry.position).collect();
    assert_eq!(woken, waited, "in the room's order");
    world.router.deliver("login:irc:alice", 1, later).await;
    assert_eq!(offered(&world), ["helo", "edit of m2", "reaction to m2", "next", "removal of m2"]);
    let attempts: Vec<u32> = world.host.connector.offered.lock().unwrap().iter().map(|event| event.attempt).collect();
    assert_eq!(attempts, [1; 5]);
}

pub async fn what_is_about_a_message_that_is_sent_in_the_call_goes_right_after_it(world: World) {
    let (_, room) = portal(&world).await;
    let message = world.matrix.entry(&room, "@alice:hub.test", "m.room.message", None, text("helo"));
    let edit = edit(&message.event_id, "hello");
    let edit = world.matrix.entry(&room, "@alice:hub.test", "m.room.message", None, edit);
    answers(&world, vec![sent_as("m2")]);
    let taken = world.router.deliver("login:irc:alice", 1, vec![message, edit]).await;
    assert!(matches!(&taken, Delivered::Taken { pending } if pending.is_empty()), "{taken:?}");
    assert_eq!(offered(&world), ["helo", "edit of m2"]);
}

pub async fn what_is_about_a_message_that_failed_fails_too_and_its_sender_is_told(world: World) {
    let (alice, room) = portal(&world).await;
    let message = world.matrix.entry(&room, "@alice:hub.test", "m.room.message", None, text("helo"));
    let edit = edit(&message.event_id, "hello");
    let edit = world.matrix.entry(&room, "@alice:hub.test", "m.room.message", None, edit);
    answers(&world, vec![Outcome::Pending]);
    world.router.deliver("login:irc:alice", 1, vec![message.clone(), edit.clone()]).await;
    let world = world.restart().await;
    let unknown = Outcome::Unknown("the connection was lost".into());
    world.deliver(&alice, settled(&message.event_id, unknown)).await;
    let taken = world.router.deliver("login:irc:alice", 1, vec![edit.clone()]).await;
    assert!(matches!(&taken, Delivered::Taken { pending } if pending.is_empty()), "{taken:?}");
    let about_edit = |said: &fakes::Said| said.content["m.relates_to"]["event_id"] == *edit.event_id;
    let said = world.until("#rust", "the edit's status", |said| said.iter().any(about_edit)).await;
    assert_eq!(said.iter().find(|said| about_edit(said)).unwrap().content["status"], "FAIL_PERMANENT");
}

pub async fn who_reacts_to_the_notice_sends_the_message_once_more(world: World) {
    let (alice, room) = portal(&world).await;
    let message = world.matrix.entry(&room, "@alice:hub.test", "m.room.message", None, text("did it?"));
    answers(&world, vec![Outcome::Unknown("no echo".into())]);
    world.router.deliver("login:irc:alice", 1, vec![message.clone()]).await;
    let again =
        |key: &str| json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": message.event_id, "key": key}});
    let say = |content| world.matrix.entry(&room, "@alice:hub.test", "m.reaction", None, content);
    world.router.deliver("login:irc:alice", 1, vec![say(again("+"))]).await;
    assert!(world.router.woken.lock().unwrap().is_empty());
    let asked = say(again("\u{1f501}"));
    world.router.deliver("login:irc:alice", 1, vec![asked.clone()]).await;
    world.router.deliver("login:irc:alice", 2, vec![asked]).await;
    let woken = world.router.woken.lock().unwrap().clone();
    assert_eq!(woken, [("login:irc:alice".to_owned(), message.position)], "once, however often it is delivered");
    answers(&world, vec![Outcome::Pending]);
    world.router.deliver("login:irc:alice", 1, vec![message.clone()]).await;
    assert_eq!(offered(&world), ["did it?", "did it?"]);
    world.deliver(&alice, settled(&message.event_id, sent_as("m2"))).await;
    let store = StoreId { bridge: "irc".into(), login: Some(alice) };
    let known = world.services().known_message(&store, &MessageRef { id: "m2".into(), part: None }).await.unwrap();
    assert_eq!(known.unwrap().event_id, *message.event_id);
}

pub async fn nothing_overtakes_what_was_woken(world: World) {
    let (alice, room) = portal(&world).await;
    let say = |content| world.matrix.entry(&room, "@alice:hub.test", "m.room.message", None, content);
    let message = say(text("helo"));
    let edit = say(edit(&message.event_id, "hello"));
    answers(&world, vec![Outcome::Pending]);
    world.router.deliver("login:irc:alice", 1, vec![message.clone(), edit.clone()]).await;
    world.deliver(&alice, settled(&message.event_id, sent_as("m2"))).await;
    // The router has this one in its hands before it offers the edit again.
    let next = say(text("next"));
    let taken = world.router.deliver("login:irc:alice", 1, vec![next.clone()]).await;
    assert!(matches!(&taken, Delivered::Taken { pending } if *pending == [next.position]), "{taken:?}");
    assert_eq!(offered(&world), ["helo"]);
    world.router.woken.lock().unwrap().clear();
    world.router.deliver("login:irc:alice", 1, vec![edit]).await;
    assert_eq!(offered(&world), ["helo", "edit of m2"]);
    let woken = world.router.woken.lock().unwrap().clone();
    assert_eq!(woken, [("login:irc:alice".to_owned(), next.position)], "what stood behind it follows");
    world.router.deliver("login:irc:alice", 1, vec![next]).await;
    assert_eq!(offered(&world), ["helo", "edit of m2", "next"]);
}

pub async fn what_is_about_another_logins_message_waits_alone(world: World) {
    let (_, room) = portal(&world).await;
    let dave = world.login("dave").await;
    world.deliver(&dave, line("bob", "hello again", "m0")).await;
    let his = world.matrix.entry(&room, "@dave:hub.test", "m.room.message", None, text("mine"));
    answers(&world, vec![Outcome::Pending]);
    world.router.deliver("login:irc:dave", 1, vec![his.clone()]).await;
    let say = |kind: &str, content| world.matrix.entry(&room, "@alice:hub.test", kind, None, content);
    let content = json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": &*his.event_id, "key": "+"}});
    let like = say("m.reaction", content);
    let next = say("m.room.message", text("next"));
    let taken = world.router.deliver("login:irc:alice", 1, vec![like.clone(), next]).await;
    assert!(matches!(&taken, Delivered::Taken { pending } if *pending == [like.position]), "{taken:?}");
    assert_eq!(offered(&world), ["mine", "next"], "one login does not wait for the other");
    world.deliver(&dave, settled(&his.event_id, sent_as("m2"))).await;
    let woken = world.router.woken.lock().unwrap().clone();
    assert_eq!(woken, [("login:irc:alice".to_owned(), like.position)]);
    world.router.deliver("login:irc:alice", 1, vec![like]).await;
    assert_eq!(offered(&world), ["mine", "next", "reaction to m2"]);
}

pub async fn a_reaction_is_taken_back_after_the_network_acknowledged_it(world: World) {
    let (alice, room) = portal(&world).await;
    let hello = world.matrix.said(&room).iter().find(|said| said.body() == "hello").unwrap().event_id.clone();
    let say = |kind: &str, content| world.matrix.entry(&room, "@alice:hub.test", kind, None, content);
    let content = json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": hello, "key": "+"}});
    let reaction = say("m.reaction", content);
    let redaction = say("m.room.redaction", json!({"redacts": &*reaction.event_id}));
    answers(&world, vec![Outcome::Pending]);
    world.router.deliver("login:irc:alice", 1, vec![reaction.clone(), redaction.clone()]).await;
    world.deliver(&alice, settled(&reaction.event_id, Outcome::Done)).await;
    world.router.deliver("login:irc:alice", 1, vec![redaction]).await;
    let offered = world.host.connector.offered.lock().unwrap();
    assert!(matches!(&offered[1].kind, MatrixKind::Unreact { emoji_id, .. } if emoji_id == "+"), "{offered:?}");
}

pub async fn what_the_network_refuses_is_a_dead_letter_and_a_late_try_offers_it_as_new(world: World) {
    let (_, room) = portal(&world).await;
    let message = world.matrix.entry(&room, "@alice:hub.test", "m.room.message", None, text("helo"));
    let other = world.matrix.entry(&room, "@alice:hub.test", "m.room.message", None, text("fine"));
    let message_of = RemoteError { kind: ErrorKind::NotFound, message: "no such channel".into(), retry_after_ms: None };
    answers(&world, vec![Outcome::Failed(message_of), sent_as("m2")]);
    let both = vec![message.clone(), other.clone()];
    let taken = world.router.deliver("login:irc:alice", 1, both.clone()).await;
    assert!(matches!(&taken, Delivered::Taken { pending } if pending.is_empty()), "{taken:?}");
    let refused = world.router.refused.lock().unwrap().clone();
    assert!(refused.contains(&(message.position, "no such channel".to_owned())), "{refused:?}");
    let became = async |world: &World, entry: &Entry| {
        let mut delivery = Delivery::new(DeliveryState::Bridge, 0, None);
        let destination = DestinationId("login:irc:alice".into());
        world.engine.became(&destination, &entry.event_id, &mut delivery).await.unwrap();
        (delivery.state, delivery.reason)
    };
    assert_eq!(became(&world, &message).await, (DeliveryState::Failed, Some("no such channel".to_owned())));
    assert_eq!(became(&world, &other).await, (DeliveryState::Network, None));
    let world = world.restart().await;
    world.router.deliver("login:irc:alice", 2, both.clone()).await;
    assert_eq!(world.router.refused.lock().unwrap().len(), 1, "the router may not have known it before");

    for redelivery in [Redelivery::Late, Redelivery::Replay] {
        answers(&world, vec![sent_as("m1")]);
        world.router.deliver_as("login:irc:alice", 2, both.clone(), Some(redelivery)).await;
        assert_eq!(offered(&world), ["helo"], "{redelivery:?}: what has arrived is not sent twice");
    }
}
