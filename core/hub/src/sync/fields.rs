//! `event_fields` of a filter: dotted paths of what is left of an event (client-server API, "Filtering").

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

pub(super) fn project(event: Box<RawValue>, wanted: &[String]) -> Box<RawValue> {
    let Ok(whole) = serde_json::from_str::<Value>(event.get()) else { return event };
    let mut left = Value::Object(Map::new());
    for path in wanted {
        let keys = keys(path);
        if let Some(value) = keys.iter().try_fold(&whole, |value, key| value.get(key)) {
            put(&mut left, &keys, value.clone());
        }
    }
    to_raw_value(&left).unwrap_or(event)
}

fn put(into: &mut Value, keys: &[String], value: Value) {
    let Some((last, path)) = keys.split_last() else { return };
    let mut target = into;
    for key in path {
        if !target[key].is_object() {
            target[key] = Value::Object(Map::new());
        }
        target = &mut target[key];
    }
    target[last] = value;
}

/// `a.b\.c` is `a` and in it `b.c`.
fn keys(path: &str) -> Vec<String> {
    let mut keys = vec![String::new()];
    let mut characters = path.chars();
    while let Some(character) = characters.next() {
        match character {
            '.' => keys.push(String::new()),
            '\\' => keys.last_mut().expect("never empty").extend(characters.next()),
            other => keys.last_mut().expect("never empty").push(other),
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_fields_are_left_and_escaped_dots_are_part_of_a_key() {
        let event = serde_json::json!({
            "type": "m.room.message", "sender": "@a:b", "content": { "body": "hi", "m.new": { "x": 1 }, "other": 2 },
        });
        let wanted = ["type", "content.body", r"content.m\.new.x", "content.none"].map(str::to_owned);
        let left: Value = serde_json::from_str(project(to_raw_value(&event).unwrap(), &wanted).get()).unwrap();
        assert_eq!(
            left,
            serde_json::json!({ "type": "m.room.message", "content": { "body": "hi", "m.new": { "x": 1 } } })
        );
    }
}
