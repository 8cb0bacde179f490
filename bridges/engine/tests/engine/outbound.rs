//! From Matrix to the network.

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

pub async fn a_pending_message_is_offered_again_with_its_attempt_and_an_unknown_end_is_shown(world: World) {
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
