//! Nothing is lost, nothing is said twice: connections cut, Stores dropped, hubs killed at awkward moments.

use causeway_emulators::irc::{InspIrcd, NgIrcd};
use causeway_sdk::content::TextKind;
use causeway_sdk::matrix_in::{MemberChange, MemberTarget, Send};
use causeway_sdk::remote::Membership;
use causeway_sdk::state::Status;
use causeway_sdk::{MatrixKind, Outcome};

use crate::login::{Login, text_part, texts};
use crate::talk::config;

fn offered_again(login: &mut Login, portal: &causeway_sdk::PortalKey, txn: &str, text: &str) -> Outcome {
    let message = causeway_sdk::content::Message {
        parts: vec![text_part(TextKind::Text, text, None)],
        reply_to: None,
        thread_root: None,
        disappear_after_ms: 0,
    };
    login.matrix(portal, txn, MatrixKind::Send(Send { message, txn: txn.to_owned() }), 2)
}

#[test]
fn a_store_that_was_dropped_between_calls_goes_on() {
    let server = InspIrcd::start().expect("inspircd starts");
    let mut alice = Login::new(&config(server.port), "Alice", &[]);
    let portal = alice.joined("#test");
    let (txn, _) = alice.say(&portal, "one");
    alice.sleep_and_wake();
    assert!(matches!(alice.settled(&txn), Outcome::Sent(_)), "the label is known to the new Store");
    alice.sleep_and_wake();
    let (txn, _) = alice.say(&portal, "two");
    assert!(matches!(alice.settled(&txn), Outcome::Sent(_)));
}

#[test]
fn what_never_left_is_sent_after_the_reconnect_and_only_once() {
    let mut server = InspIrcd::start().expect("inspircd starts");
    let mut bob = Login::new(&config(server.port), "Bob", &[]);
    let portal = bob.joined("#test");
    let mut alice = Login::new(&config(server.port), "Alice", &[]);
    alice.joined("#test");

    alice.is_stalled = true;
    let (txn, _) = alice.say(&portal, "kept");
    server.restart().expect("inspircd restarts");
    alice.is_stalled = false;
    assert!(matches!(alice.settled(&txn), Outcome::Sent(_)), "the frame never left, so it goes now");
    bob.until("the rejoin", |host| (host.submitted.iter().filter(|e| e.create_portal).count() > 1).then_some(()));
    assert!(texts(bob.host()).iter().filter(|t| *t == "kept").count() <= 1);
}

#[test]
fn who_left_while_disconnected_has_said_everything_before() {
    let mut server = InspIrcd::start().expect("inspircd starts");
    let mut alice = Login::new(&config(server.port), "Alice", &[]);
    let portal = alice.joined("#test");
    server.kill();
    alice.until("the end of the connection", |host| {
        host.reports.iter().any(|(_, report)| report.status == Status::TransientDisconnect).then_some(())
    });
    let mut expected: Vec<String> = ["one", "two"].iter().map(|text| alice.say(&portal, text).0).collect();
    let target = MemberTarget::Login("alice~alice:example.org".to_owned());
    let kicked = MemberChange { target, membership: Membership::Leave, reason: Some("enough".to_owned()) };
    assert!(matches!(alice.matrix(&portal, "$kick", MatrixKind::Member(kicked), 1), Outcome::Pending));
    expected.push("$kick".to_owned());

    server.restart().expect("inspircd restarts");
    assert!(matches!(alice.settled("$kick"), Outcome::Done));
    let settled: Vec<String> = alice.host().settled.iter().map(|(txn, _)| txn.clone()).collect();
    assert_eq!(settled, expected);
    assert!(matches!(alice.settled(&expected[1]), Outcome::Sent(_)));
    alice.sees("alice", Membership::Leave);
}

#[test]
fn what_nobody_knows_of_after_a_crash_is_unknown_and_not_said_again() {
    for port in [true, false] {
        let (inspircd, ngircd);
        let port = if port {
            inspircd = InspIrcd::start().expect("inspircd starts");
            inspircd.port
        } else {
            ngircd = NgIrcd::start().expect("ngircd starts");
            ngircd.port
        };
        let mut bob = Login::new(&config(port), "Bob", &[]);
        let portal = bob.joined("#test");
        let mut alice = Login::new(&config(port), "Alice", &[]);
        alice.joined("#test");
        let (txn, _) = alice.say(&portal, "perhaps");
        alice.crash();
        assert!(matches!(alice.settled(&txn), Outcome::Unknown(_)));
        assert!(matches!(offered_again(&mut alice, &portal, &txn, "perhaps"), Outcome::Unknown(_)));
        let (txn, _) = alice.say(&portal, "after");
        alice.settled(&txn);
        bob.hears("after");
        assert_eq!(texts(bob.host()), ["perhaps", "after"], "it had arrived, and once");
    }
}

#[test]
fn an_event_whose_first_call_was_never_committed_is_sent_when_offered_again() {
    let server = InspIrcd::start().expect("inspircd starts");
    let mut alice = Login::new(&config(server.port), "Alice", &[]);
    let portal = alice.joined("#test");
    assert!(matches!(offered_again(&mut alice, &portal, "$lost", "hello"), Outcome::Pending));
    assert!(matches!(alice.settled("$lost"), Outcome::Sent(_)));
}

#[test]
fn flood_control_holds_lines_back_and_loses_none() {
    let server = InspIrcd::start().expect("inspircd starts");
    let config = format!(
        r##"{{"server": "127.0.0.1", "port": {}, "tls": false, "flood": {{"burst": 2, "per_second": 20}}, "channels": ["#test"]}}"##,
        server.port
    );
    let mut alice = Login::new(&config, "Alice", &[]);
    let portal = alice.joined("#test");
    let txns: Vec<String> = (0..10).map(|n| alice.say(&portal, &format!("{n}")).0).collect();
    let written =
        |login: &mut Login| login.host().sent.iter().filter(|(_, f)| format!("{f:?}").contains("PRIVMSG")).count();
    assert_eq!(written(&mut alice), 2);
    alice.sleep_and_wake();
    for txn in &txns {
        assert!(matches!(alice.settled(txn), Outcome::Sent(_)));
    }
    assert_eq!(written(&mut alice), 10);
}
