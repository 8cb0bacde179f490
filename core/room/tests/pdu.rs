//! Events from draft to stored text, to clients, and redacted.

#![allow(clippy::unwrap_used, reason = "a test")]

mod simulation;

use causeway_room::{ClientEvent, Pdu, PduError, redact::redact, redact::redact_content, stripped::Stripped, version};
use ruma::RoomVersionId;
use serde_json::{Value, json, value::to_raw_value};
use simulation::{Room, user};

fn rooms() -> impl Iterator<Item = Room> {
    version::SUPPORTED.iter().map(|version| Room::created(version, &user(0), "public"))
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn in_every_version_a_built_event_parses_and_loads_to_itself() {
    for room in rooms() {
        for id in &room.order {
            let built = &room.events[id];
            let again = Pdu::parse(built.json(), room.rules).unwrap();
            let loaded = Pdu::load(id.clone(), built.json().into(), room.rules).unwrap();
            assert_eq!(format!("{built:?}"), format!("{again:?}"));
            assert_eq!(format!("{built:?}"), format!("{loaded:?}"));
        }
    }
}

#[test]
fn unsigned_and_spaces_and_order_of_keys_do_not_change_an_event() {
    let room = rooms().last().unwrap();
    let built = &room.events[&room.order[1]];
    let mut other = parsed(built.json());
    other["unsigned"] = json!({"age": 4});
    let again = Pdu::parse(&serde_json::to_string_pretty(&other).unwrap(), room.rules).unwrap();
    assert_eq!((again.event_id(), again.json()), (built.event_id(), built.json()));
}

#[test]
fn in_every_version_redaction_keeps_the_event_id() {
    for mut room in rooms() {
        let message = room.event(&user(0), "m.room.message", json!({"body": "secret"})).unwrap();
        let redacted = redact(message.json(), room.rules).unwrap();
        assert!(!redacted.contains("secret"));
        assert_eq!(Pdu::parse(&redacted, room.rules).unwrap().event_id(), message.event_id());
    }
}

#[test]
fn redacted_content_keeps_what_the_version_protects() {
    let content = |value: Value| to_raw_value(&value).unwrap();
    let case = |number: usize, event_type: &str, value: Value| {
        let rules = version::rules(&version::SUPPORTED[number - 1]).unwrap();
        parsed(redact_content(event_type, &content(value), rules).unwrap().get())
    };
    let aliases = || json!({"aliases": ["#a:b"], "x": 1});
    assert_eq!(
        (case(5, "m.room.aliases", aliases()), case(6, "m.room.aliases", aliases())),
        (json!({"aliases": ["#a:b"]}), json!({}))
    );
    let rules = || json!({"join_rule": "restricted", "allow": []});
    assert_eq!(
        (case(7, "m.room.join_rules", rules()), case(8, "m.room.join_rules", rules())),
        (json!({"join_rule": "restricted"}), rules())
    );
    let create = || json!({"creator": "@a:b", "m.federate": false});
    assert_eq!(
        (case(10, "m.room.create", create()), case(11, "m.room.create", create())),
        (json!({"creator": "@a:b"}), create())
    );
    assert_eq!(case(12, "m.room.message", json!({"body": "x"})), json!({}));
}

#[test]
fn an_event_of_65536_bytes_is_taken_and_one_more_is_not() {
    let mut room = rooms().nth(9).unwrap();
    let empty = room.event(&user(0), "m.room.message", json!({"body": ""})).unwrap();
    let mut event = parsed(empty.json());
    for (bytes, taken) in [(65_536, true), (65_537, false)] {
        event["content"]["body"] = json!("x".repeat(bytes - empty.json().len()));
        match Pdu::parse(&event.to_string(), room.rules) {
            Ok(pdu) => assert!(taken && pdu.json().len() == bytes),
            Err(error) => assert!(!taken && matches!(error, PduError::TooLarge(65_537)), "{error}"),
        }
    }
}

#[test]
fn malformed_events_are_refused_with_the_field_named() {
    let room = rooms().nth(9).unwrap();
    let good = parsed(room.events[&room.order[1]].json());
    let long = "x".repeat(256);
    for (field, value, expected) in [
        ("type", json!(long), "field type is 256 bytes long"),
        ("state_key", json!(long), "field state_key is 256 bytes long"),
        ("prev_events", json!(vec![room.order[0].as_str(); 21]), "field prev_events has 21 entries"),
        ("auth_events", json!(vec![room.order[0].as_str(); 11]), "field auth_events has 11 entries"),
        ("content", json!([]), "content is not an object"),
        ("depth", json!(-1), "not canonical JSON of the expected shape"),
        ("depth", json!(1.5), "not canonical JSON of the expected shape"),
        ("sender", json!("nobody"), "not canonical JSON of the expected shape"),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        let error = Pdu::parse(&bad.to_string(), room.rules).unwrap_err().to_string();
        assert!(error.contains(expected), "{field} gave {error}");
    }
    for text in ["", "[]", "{}", "{\"type\":", "null"] {
        assert!(Pdu::parse(text, room.rules).is_err());
    }
}

#[test]
fn clients_see_an_event_with_its_id_and_what_is_passed_in() {
    let mut room = rooms().last().unwrap();
    let message = room.event(&user(0), "m.room.message", json!({"body": "hi", "other": {"kept": true}})).unwrap();
    let unsigned = to_raw_value(&json!({"transaction_id": "t"})).unwrap();
    let event =
        ClientEvent::parse(message.event_id().as_str(), Some(room.room_id.as_str()), message.json(), room.rules);
    let seen = serde_json::to_value(event.unwrap().with_unsigned(Some(&unsigned))).unwrap();
    let expected = json!({
        "content": {"body": "hi", "other": {"kept": true}},
        "event_id": message.event_id(),
        "origin_server_ts": message.origin_server_ts(),
        "room_id": room.room_id,
        "sender": user(0),
        "type": "m.room.message",
        "unsigned": {"transaction_id": "t"},
    });
    assert_eq!(seen, expected);
}

#[test]
fn in_every_version_clients_see_redacts_in_both_places() {
    for mut room in rooms() {
        let target = room.order[3].clone();
        let mut draft = room.draft(&user(0), "m.room.redaction", None, json!({"reason": "why"}));
        draft.redacts = Some(target.clone());
        let end = room.extremities.clone();
        let pdu = room.send(draft, &end).pdu;
        let event = ClientEvent::parse(pdu.event_id().as_str(), None, pdu.json(), room.rules).unwrap();
        let seen = serde_json::to_value(event).unwrap();
        assert_eq!((&seen["redacts"], &seen["content"]["redacts"]), (&json!(target), &json!(target)));
        assert_eq!(seen["content"]["reason"], "why");
    }
}

#[test]
fn stripped_state_shows_four_fields() {
    let room = Room::created(&RoomVersionId::V12, &user(0), "public");
    let seen = serde_json::to_value(Stripped(&room.events[&room.order[3]])).unwrap();
    let expected =
        json!({"content": {"join_rule": "public"}, "sender": user(0), "state_key": "", "type": "m.room.join_rules"});
    assert_eq!(seen, expected);
}
