//! Prints what one message costs the kernel, in microseconds: `cargo run --release --example message_cost`.

#[path = "../tests/simulation/mod.rs"]
mod simulation;

use std::time::Instant;

use causeway_room::{ClientEvent, Draft, Head, auth_keys, authorize, build, check_auth_events};
use ruma::{EventId, RoomVersionId};
use serde_json::json;
use simulation::{Room, user};

const ROUNDS: u32 = 20_000;

fn main() {
    let mut room = Room::created(&RoomVersionId::V11, &user(0), "public");
    let (state, _) = room.state_before(&room.extremities);
    let message: Draft =
        room.draft(&user(0), "m.room.message", None, json!({"msgtype": "m.text", "body": "hello ".repeat(20)}));
    let head = Head::of(&[&*room.events[&room.extremities[0]]], room.rules).expect("own event");
    let lookup = |event_type: &_, key: &str| {
        state.get(&(Clone::clone(event_type), key.to_owned())).and_then(|id| room.events.get(id)).map(|event| &**event)
    };
    let make = || {
        let keys = auth_keys(&message, room.rules).expect("a message");
        let auth_events: Vec<_> = keys.iter().filter_map(|(event_type, key)| lookup(event_type, key)).collect();
        let id = || EventId::parse("$unused:one.example").expect("valid");
        build(message.clone(), &head, &auth_events, &room.keys["one.example"], room.rules, id).expect("valid")
    };
    let pdu = make();
    let id = pdu.event_id().to_string();
    measure("build, hash and sign", || drop(make()));
    measure("authorize, both halves", || {
        check_auth_events(room.rules, &pdu, |id| room.events.get(id).map(|event| &**event)).expect("allowed");
        authorize(room.rules, &pdu, lookup).expect("allowed");
    });
    measure("to the client format", || {
        let event = ClientEvent::parse(&id, None, pdu.json(), room.rules).expect("own event");
        drop(serde_json::to_string(&event).expect("serializable"));
    });
}

fn measure(what: &str, act: impl Fn()) {
    let start = Instant::now();
    (0..ROUNDS).for_each(|_| act());
    println!("{what}: {:.1} µs", start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS));
}
