//! Events spoilt in one way each: what a broken or hostile server might send.

use ruma::signatures::hash_and_sign_event;
use serde_json::{Value, json};

use crate::simulation::{Room, SERVERS, dice::Dice, user};

/// The ways; those in the first half leave the old signature in place, the others are hashed and signed again.
const WAYS: [&str; 32] = [
    "content tampered",
    "extra top-level key",
    "signature corrupted",
    "signature missing",
    "signature of another key",
    "no signatures at all",
    "hash corrupted",
    "hashes missing",
    "sender changed",
    "type changed",
    "depth changed",
    "depth negative, signed",
    "depth missing, signed",
    "prev_events missing, signed",
    "prev_events no list, signed",
    "auth_events missing, signed",
    "auth_events without create, signed",
    "auth_events empty, signed",
    "auth_events doubled, signed",
    "auth_events with a stranger, signed",
    "auth_events with a message, signed",
    "sender not in the room, signed",
    "sender no user id, signed",
    "state key of another user, signed",
    "type too long, signed",
    "state key too long, signed",
    "event too large, signed",
    "room id foreign, signed",
    "membership unknown, signed",
    "power level no integer, signed",
    "power levels raised, signed",
    "content no object, signed",
];

/// A spoilt copy of some accepted event, and what was done to it.
pub fn mutate(room: &Room, dice: &mut Dice) -> (&'static str, String) {
    let way = *dice.pick(&WAYS);
    let wanted = match way {
        "membership unknown, signed" => "m.room.member",
        "power level no integer, signed" | "power levels raised, signed" => "m.room.power_levels",
        "content tampered" if dice.one_in(2) => "m.room.member",
        _ => "",
    };
    // The create event is judged by other rules; leave it out but once in a while.
    let first = usize::from(!dice.one_in(10));
    let id = loop {
        let id = &room.order[first + dice.below(room.order.len() - first)];
        if wanted.is_empty() || room.events[id].event_type().to_string() == wanted {
            break id;
        }
    };
    let mut event: Value = serde_json::from_str(room.events[id].json()).expect("own event");
    let sign = spoil(&mut event, way, room, dice);
    if sign {
        let server =
            event["sender"].as_str().and_then(|sender| sender.split_once(':')).map_or(SERVERS[0], |(_, name)| name);
        let server = SERVERS.iter().find(|known| **known == server).unwrap_or(&SERVERS[0]);
        for field in ["hashes", "signatures"] {
            event.as_object_mut().expect("an event is an object").remove(field);
        }
        let mut object = serde_json::from_value(event).expect("canonical");
        hash_and_sign_event(server, &room.keys[*server], &mut object, &room.rules.redaction).ok();
        event = serde_json::to_value(object).expect("canonical");
    }
    (way, event.to_string())
}

/// Spoils the event and says whether it is to be signed again.
fn spoil(event: &mut Value, way: &str, room: &Room, dice: &mut Dice) -> bool {
    let sender = event["sender"].as_str().expect("own event").to_owned();
    let server = sender.split_once(':').expect("own event").1.to_owned();
    let key = room.keys[&server].id();
    let refer = |id: &str| if room.rules.event_format.require_event_id { json!([id, {}]) } else { json!(id) };
    let object = event.as_object_mut().expect("an event is an object");
    match way {
        "content tampered" => object["content"]["displayname"] = json!("tampered"),
        "extra top-level key" => drop(object.insert("extra".into(), json!(1))),
        "signature corrupted" => object["signatures"][&server][&key] = json!("A".repeat(86)),
        "signature missing" => object["signatures"] = json!({"elsewhere.example": {"ed25519:1": "A".repeat(86)}}),
        "signature of another key" => {
            let other = SERVERS.iter().find(|other| **other != server).expect("there are three");
            let mut unsigned = object.clone();
            unsigned.remove("signatures");
            let mut unsigned = serde_json::from_value(Value::Object(unsigned)).expect("canonical");
            hash_and_sign_event(&server, &room.keys[*other], &mut unsigned, &room.rules.redaction).expect("own event");
            *event = serde_json::to_value(unsigned).expect("canonical");
        }
        "no signatures at all" => drop(object.remove("signatures")),
        "hash corrupted" => object["hashes"]["sha256"] = json!("A".repeat(43)),
        "hashes missing" => drop(object.remove("hashes")),
        "sender changed" => object["sender"] = json!(format!("@nobody:{server}")),
        "type changed" => object["type"] = json!("example.changed"),
        "depth changed" => object["depth"] = json!(object["depth"].as_u64().unwrap_or(0) + 1),
        "depth negative, signed" => object["depth"] = json!(-1),
        "depth missing, signed" => drop(object.remove("depth")),
        "prev_events missing, signed" => drop(object.remove("prev_events")),
        "prev_events no list, signed" => object["prev_events"] = json!("none"),
        "auth_events missing, signed" => drop(object.remove("auth_events")),
        "auth_events without create, signed" => {
            let create = refer(room.order[0].as_str());
            let id = |value: &Value| value.get(0).unwrap_or(value).clone();
            let list = object["auth_events"].as_array_mut().expect("own event");
            list.retain(|auth| id(auth) != id(&create));
        }
        "auth_events empty, signed" => object["auth_events"] = json!([]),
        "auth_events doubled, signed" => {
            let list = object["auth_events"].as_array_mut().expect("own event");
            list.extend(list.first().cloned());
        }
        "auth_events with a stranger, signed" | "auth_events with a message, signed" => {
            let stranger = way.contains("stranger");
            let mut ids = room.order.iter().cycle().skip(dice.below(room.order.len()));
            let of_use = |id: &&ruma::OwnedEventId| {
                let name = room.events[*id].event_type().to_string();
                if stranger { name == "m.room.name" } else { name == "m.room.message" }
            };
            let list = object["auth_events"].as_array_mut().expect("own event");
            list.extend(ids.find(of_use).map(|id| refer(id.as_str())));
        }
        "sender not in the room, signed" => {
            object["sender"] = json!(format!("@nobody:{server}"));
        }
        "sender no user id, signed" => object["sender"] = json!("nobody"),
        "state key of another user, signed" => {
            object.insert("state_key".into(), json!(user(21).as_str())).map_or((), drop)
        }
        "type too long, signed" => object["type"] = json!("x".repeat(256)),
        "state key too long, signed" => object.insert("state_key".into(), json!("x".repeat(256))).map_or((), drop),
        "event too large, signed" => object["content"]["body"] = json!("x".repeat(65_300)),
        "room id foreign, signed" => object.insert("room_id".into(), json!("!elsewhere:one.example")).map_or((), drop),
        "membership unknown, signed" => object["content"]["membership"] = json!("fly"),
        "power level no integer, signed" => {
            object["content"]["users"][user(3).as_str()] = dice.pick(&[json!("50"), json!("much"), json!([])]).clone();
        }
        "power levels raised, signed" => object["content"]["users"][user(5).as_str()] = json!(1000),
        "content no object, signed" => object["content"] = json!("text"),
        way => unreachable!("{way} is not a way"),
    }
    way.ends_with(", signed")
}
