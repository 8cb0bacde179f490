//! Messages: order, repetition, refusal, redaction.

use causeway_hub::rooms::{NewEvent, SendError, TransactionKey};
use causeway_store::{Statement, values};
use futures_util::future::join_all;
use ruma::RoomVersionId;

use crate::{Fixture, message, on_both, raw, user};

on_both!(
    sends_64_at_once_form_one_chain,
    a_repeated_transaction_answers_the_first_event_also_after_a_restart,
    a_refused_member_of_a_burst_leaves_the_room_usable,
    a_redaction_empties_its_target,
    an_event_over_the_size_limit_is_refused,
);

async fn sends_64_at_once_form_one_chain(fixture: Fixture) {
    let hub = fixture.open().await;
    let room_id = hub.public_room(RoomVersionId::V11).await;
    let bodies: Vec<String> = (0..64).map(|n| n.to_string()).collect();
    let sent = join_all(bodies.iter().map(|body| hub.say(&room_id, "alice", body))).await;
    let mut order: Vec<_> = sent.into_iter().map(|sent| sent.unwrap().position).zip(&bodies).collect();
    order.sort();
    let by_position: Vec<&String> = order.iter().map(|(_, body)| *body).collect();
    assert_eq!(hub.bodies(&room_id).await.iter().collect::<Vec<_>>(), by_position);
    let room = hub.store.room(room_id.as_str()).await.unwrap().unwrap();
    assert_eq!(room.extremities.len(), 1);
}

async fn a_repeated_transaction_answers_the_first_event_also_after_a_restart(fixture: Fixture) {
    let event = |room_id| NewEvent {
        transaction: Some(TransactionKey { device: "D".to_owned(), txn_id: "t1".to_owned() }),
        ..message(room_id, "alice", "once")
    };
    let hub = fixture.open().await;
    let room_id = hub.public_room(RoomVersionId::V12).await;
    let first = hub.rooms.send(event(&room_id)).await.unwrap().event_id;
    let at_once = join_all((0..5).map(|_| hub.rooms.send(event(&room_id)))).await;
    assert!(at_once.into_iter().all(|sent| sent.unwrap().event_id == first));
    let hub = fixture.open().await;
    assert_eq!(hub.rooms.send(event(&room_id)).await.unwrap().event_id, first);
    assert_eq!(hub.bodies(&room_id).await, ["once"]);
    hub.say(&room_id, "alice", "and on").await.unwrap();
    assert_eq!(hub.bodies(&room_id).await, ["once", "and on"]);
}

async fn a_refused_member_of_a_burst_leaves_the_room_usable(fixture: Fixture) {
    let hub = fixture.open().await;
    let room_id = hub.public_room(RoomVersionId::V11).await;
    let claim = "insert into users (nid, user_id) values ($1, $2) on conflict do nothing";
    let events = (0..30).map(|n| {
        let mut event = message(&room_id, "alice", &n.to_string());
        if n % 10 == 5 {
            // Two of the three come too late.
            event.with = vec![Statement::new(claim, values![77_000_000_i64, "@same:test"]).or_lose("map")];
        }
        hub.rooms.send(event)
    });
    let mut lost = 0;
    for (n, sent) in join_all(events).await.into_iter().enumerate() {
        match sent {
            Ok(_) => {}
            Err(SendError::Lost("map")) if n % 10 == 5 => lost += 1,
            Err(error) => panic!("{n}: {error:?}"),
        }
    }
    assert_eq!(lost, 2);
    assert_eq!(hub.bodies(&room_id).await.len(), 28);
    hub.say(&room_id, "alice", "after").await.unwrap();
}

async fn a_redaction_empties_its_target(fixture: Fixture) {
    let hub = fixture.open().await;
    let room_id = hub.public_room(RoomVersionId::V11).await;
    let target = hub.say(&room_id, "alice", "secret").await.unwrap().event_id;
    let redaction = || NewEvent::message(room_id.clone(), user("alice"), "m.room.redaction", raw("{}"));
    let sent = hub.rooms.redact(redaction(), &target).await.unwrap();
    let event = hub.store.event_by_id(target.as_str()).await.unwrap().unwrap();
    assert!(!event.entry.json.contains("secret"));
    assert_eq!(&*event.redacted_by.unwrap().event_id, sent.event_id.as_str());

    let mut other = redaction();
    other.sender = user("bob");
    hub.join(&room_id, "bob").await.unwrap();
    assert!(matches!(hub.rooms.redact(other, &target).await, Err(SendError::Forbidden(_))));
}

async fn an_event_over_the_size_limit_is_refused(fixture: Fixture) {
    let hub = fixture.open().await;
    let room_id = hub.public_room(RoomVersionId::V11).await;
    let answer = hub.say(&room_id, "alice", &"x".repeat(66_000)).await;
    assert!(matches!(answer, Err(SendError::TooLarge(_))), "{answer:?}");
    hub.say(&room_id, "alice", "short").await.unwrap();
}
