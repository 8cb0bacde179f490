//! Two logins talk through a server: what one says, the other hears as Matrix shows it.

use causeway_emulators::irc::{InspIrcd, NgIrcd};
use causeway_sdk::content::TextKind;
use causeway_sdk::matrix_in::{Edit, MemberChange, MemberTarget, Setting};
use causeway_sdk::remote::Membership;
use causeway_sdk::{Connector, MatrixKind, MessageRef, Outcome, PortalKey, RemoteKind};

use crate::login::{Login, said, text_part};

pub fn config(port: u16) -> String {
    format!(
        r##"{{"server": "127.0.0.1", "port": {port}, "tls": false, "flood": {{"burst": 0}}, "channels": ["#Test"]}}"##
    )
}

fn pair(port: u16) -> (Login, Login, PortalKey) {
    let mut alice = Login::new(&config(port), "Alice", &[]);
    alice.joined("#test");
    let mut bob = Login::new(&config(port), "Bob", &[]);
    let portal = bob.joined("#test");
    alice.sees("bob", Membership::Join);
    (alice, bob, portal)
}

fn conversation(port: u16, has_ids: bool) {
    let (mut alice, mut bob, portal) = pair(port);
    assert_eq!(portal.id, "#test");

    let (txn, outcome) = alice.say(&portal, "hello world");
    assert!(matches!(outcome, Outcome::Pending), "nothing is sent before the network says so: {outcome:?}");
    let Outcome::Sent(parts) = alice.settled(&txn) else { panic!("expected it sent") };
    let heard = bob.hears("hello world");
    assert_eq!((heard.sender.ghost.as_str(), heard.sender.is_me), ("alice", false));
    assert_eq!(!heard.key.is_empty(), has_ids, "a key only where the network has ids");
    if has_ids {
        assert_eq!(heard.key, parts[0].id, "the sender knows it by the id that the others see");
    }

    alice.send(&portal, text_part(TextKind::Emote, "waves", None), None);
    assert_eq!(said(&bob.hears("waves")).map(|t| t.kind), Some(TextKind::Emote));
    alice.send(&portal, text_part(TextKind::Notice, "note", None), None);
    assert_eq!(said(&bob.hears("note")).map(|t| t.kind), Some(TextKind::Notice));
    alice.send(&portal, text_part(TextKind::Text, "so bold", Some("so <b>bold</b>")), None);
    assert_eq!(said(&bob.hears("so bold")).and_then(|t| t.html.clone()).as_deref(), Some("so <b>bold</b>"));

    let id = alice.next_event();
    let edit = MatrixKind::Edit(Edit {
        target: MessageRef { id: parts[0].id.clone(), part: None },
        part: text_part(TextKind::Text, "hello, world", None),
    });
    alice.matrix(&portal, &id, edit, 1);
    alice.settled(&id);
    bob.hears("* hello, world");

    let metadata = parts[0].metadata.clone().expect("what a reply quotes is kept");
    bob.host().metadata.insert(parts[0].id.clone(), metadata);
    let reply = MessageRef { id: parts[0].id.clone(), part: None };
    bob.send(&portal, text_part(TextKind::Text, "hi", None), Some(reply));
    alice.hears("Alice: \"hello world\" hi");

    let id = alice.next_event();
    alice.matrix(&portal, &id, MatrixKind::Setting(Setting::Topic("a new topic".to_owned())), 1);
    let outcome = alice.settled(&id);
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    bob.until("the topic", |host| {
        host.submitted
            .iter()
            .find(|e| matches!(&e.kind, RemoteKind::ChatInfo(i) if i.topic.as_deref() == Some("a new topic")))
            .map(|_| ())
    });

    let private = bob
        .call(|irc| irc.resolve("bob~bob:example.org".to_owned(), "Alice".to_owned(), true))
        .expect("a nick resolves")
        .chat
        .expect("a chat");
    let (txn, _) = bob.say(&private, "psst");
    assert!(matches!(bob.settled(&txn), Outcome::Sent(_)));
    let heard = alice.hears("psst");
    assert_eq!((heard.portal.id.as_str(), heard.portal.receiver.as_deref()), ("bob", Some(alice.id.as_str())));

    let id = alice.next_event();
    let kick = MemberChange {
        target: MemberTarget::Ghost("bob".to_owned()),
        membership: Membership::Leave,
        reason: Some("out".to_owned()),
    };
    alice.matrix(&portal, &id, MatrixKind::Member(kick), 1);
    let outcome = alice.settled(&id);
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert!(bob.sees("bob", Membership::Leave).sender.ghost == "alice");
    alice.sees("bob", Membership::Leave);
    let (_, outcome) = bob.say(&portal, "still here?");
    let Outcome::Pending = outcome else { panic!("settled later: {outcome:?}") };
    let Outcome::Failed(error) = bob.settled("$event3") else { panic!("expected a refusal") };
    assert!(error.message.contains("#test"), "{}", error.message);
}

#[test]
fn two_logins_talk_over_inspircd_by_labels_and_ids() {
    let server = InspIrcd::start().expect("inspircd starts");
    conversation(server.port, true);
}

#[test]
fn two_logins_talk_over_ngircd_by_pings() {
    let server = NgIrcd::start().expect("ngircd starts");
    conversation(server.port, false);
}

#[test]
fn a_burst_of_a_thousand_arrives_in_order_and_once() {
    let server = InspIrcd::start().expect("inspircd starts");
    let (mut alice, mut bob, portal) = pair(server.port);
    let mut last = String::new();
    for n in 0..1000 {
        last = alice.say(&portal, &format!("line {n}")).0;
    }
    alice.settled(&last);
    assert_eq!(alice.host().settled.iter().filter(|(_, o)| matches!(o, Outcome::Sent(_))).count(), 1000);
    bob.hears("line 999");
    let heard = crate::login::texts(bob.host());
    assert_eq!(heard, (0..1000).map(|n| format!("line {n}")).collect::<Vec<_>>());
}

#[test]
fn long_text_arrives_whole_in_lines_of_512_bytes() {
    let server = InspIrcd::start().expect("inspircd starts");
    let (mut alice, mut bob, portal) = pair(server.port);
    let text = (0..300).map(|n| format!("wörd{n}")).collect::<Vec<_>>().join(" ");
    let (txn, _) = alice.say(&portal, &text);
    let Outcome::Sent(parts) = alice.settled(&txn) else { panic!("expected it sent") };
    alice.say(&portal, "end");
    bob.hears("end");
    let mut heard = crate::login::texts(bob.host());
    heard.pop();
    assert_eq!(heard.len(), parts.len());
    assert_eq!(heard.join(" "), text, "no byte is cut off and no word is cut up");
}
