//! What only newer servers have, against our own small one: reactions, typing, deletion; and each of the three ways
//! in which a line is acknowledged.

use causeway_emulators::irc::{Features, Ircv3};
use causeway_sdk::matrix_in::{React, Unreact};
use causeway_sdk::remote::{ReactionOp, Removal};
use causeway_sdk::{MatrixKind, MessageRef, Outcome, PortalKey, RemoteKind};
use tokio::runtime::Runtime;

use crate::login::Login;
use crate::talk::config;

fn start(features: Features) -> (Runtime, Ircv3) {
    let runtime = Runtime::new().expect("a runtime");
    let server = runtime.block_on(Ircv3::start_with(0, features)).expect("the server starts");
    (runtime, server)
}

fn without(caps: &[&str]) -> Features {
    Features { without: caps.iter().map(|cap| (*cap).to_owned()).collect(), ..Features::default() }
}

fn pair(server: &Ircv3) -> (Login, Login, PortalKey) {
    let mut alice = Login::new(&config(server.port), "Alice", &[]);
    let portal = alice.joined("#test");
    let mut bob = Login::new(&config(server.port), "Bob", &[]);
    bob.joined("#test");
    (alice, bob, portal)
}

#[test]
fn reactions_and_deletions_go_across_where_the_network_has_them() {
    let (_runtime, server) = start(Features::default());
    let (mut alice, mut bob, portal) = pair(&server);
    let (txn, _) = alice.say(&portal, "hello");
    let Outcome::Sent(parts) = alice.settled(&txn) else { panic!("expected it sent") };
    let target = MessageRef { id: parts[0].id.clone(), part: None };
    bob.hears("hello");

    let react = MatrixKind::React(React { target: target.clone(), emoji: "👍".to_owned(), previous: Vec::new() });
    let id = bob.next_event();
    bob.matrix(&portal, &id, react, 1);
    assert!(matches!(bob.settled(&id), Outcome::Done));
    let id = bob.next_event();
    bob.matrix(&portal, &id, MatrixKind::Unreact(Unreact { target: target.clone(), emoji_id: "👍".to_owned() }), 1);
    alice.until("the reaction and its end", |host| {
        let ops = host.submitted.iter().filter_map(|e| match &e.kind {
            RemoteKind::Reaction(r) if r.target == target && r.emoji == "👍" => Some(r.op),
            _ => None,
        });
        (ops.collect::<Vec<_>>() == [ReactionOp::Add, ReactionOp::Remove]).then_some(())
    });

    let id = alice.next_event();
    alice.matrix(&portal, &id, MatrixKind::Remove(target.clone()), 1);
    assert!(matches!(alice.settled(&id), Outcome::Done));
    let removal = Removal { target, only_for_me: false };
    bob.until("the deletion", |host| {
        host.submitted.iter().find(|e| e.kind == RemoteKind::Removal(removal.clone())).map(|_| ())
    });

    // Somebody else's message is refused by the network.
    let id = alice.next_event();
    alice.matrix(&portal, &id, MatrixKind::Remove(MessageRef { id: "m0".to_owned(), part: None }), 1);
    assert!(matches!(alice.settled(&id), Outcome::Failed(_)));
}

#[test]
fn a_network_without_the_feature_refuses_at_once() {
    let (_runtime, server) = start(without(&["message-tags", "draft/message-redaction"]));
    let (mut alice, _bob, portal) = pair(&server);
    let target = MessageRef { id: "m1".to_owned(), part: None };
    let react = MatrixKind::React(React { target: target.clone(), emoji: "👍".to_owned(), previous: Vec::new() });
    assert!(matches!(alice.matrix(&portal, "$r", react, 1), Outcome::Failed(_)));
    assert!(matches!(alice.matrix(&portal, "$d", MatrixKind::Remove(target), 1), Outcome::Failed(_)));
}

#[test]
fn each_way_of_acknowledging_settles_in_order_and_once() {
    for missing in
        [&[][..], &["labeled-response"], &["echo-message"], &["labeled-response", "echo-message"], &["message-tags"]]
    {
        let (_runtime, server) = start(without(missing));
        let (mut alice, mut bob, portal) = pair(&server);
        let txns: Vec<String> = (0..20).map(|n| alice.say(&portal, &format!("{missing:?} {n}")).0).collect();
        for txn in &txns {
            assert!(matches!(alice.settled(txn), Outcome::Sent(_)), "without {missing:?}");
        }
        let order: Vec<String> = alice.host().settled.iter().map(|(txn, _)| txn.clone()).collect();
        assert_eq!(order, txns, "without {missing:?}");
        bob.hears(&format!("{missing:?} 19"));
        assert_eq!(server.spoken().len(), 20);
        let echoes = alice.host().submitted.iter().filter(|e| matches!(e.kind, RemoteKind::Message(_))).count();
        assert_eq!(echoes, 0, "an own message is no remote one, without {missing:?}");
    }
}

#[test]
fn an_unknown_nick_is_a_refusal_in_each_way_of_acknowledging() {
    for missing in [&[][..], &["labeled-response"], &["labeled-response", "echo-message"]] {
        let (_runtime, server) = start(without(missing));
        let (mut alice, _bob, _) = pair(&server);
        let nobody = PortalKey { id: "nobody".to_owned(), receiver: Some(alice.id.clone()) };
        let (txn, _) = alice.say(&nobody, "anybody there?");
        let Outcome::Failed(error) = alice.settled(&txn) else { panic!("expected a refusal, without {missing:?}") };
        assert_eq!(error.message, "nobody: no such nick (401)");
    }
}

#[test]
fn somebody_who_took_the_nick_of_no_account_is_not_let_in_by_a_wrong_password() {
    let accounts = [("alice".to_owned(), "right".to_owned())].into_iter().collect();
    let (_runtime, server) = start(Features { accounts, ..Features::default() });
    let mut alice = Login::new(&config(server.port), "alice", &[("password", "right")]);
    alice.joined("#test");
    let mut eve = Login::new(&config(server.port), "eve", &[("username", "alice"), ("password", "wrong")]);
    eve.until("the end of the try", |host| (!host.closed.is_empty()).then_some(()));
    assert!(eve.host().submitted.is_empty());
}
