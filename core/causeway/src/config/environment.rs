//! `CAUSEWAY__SECTION__KEY=value` in the environment overrides `section: {key: value}` of the file;
//! `CAUSEWAY__LISTENERS__0__PORT` reaches into a list.

use std::collections::BTreeMap;

use serde_yaml::{Mapping, Value};

const PREFIX: &str = "CAUSEWAY__";

/// The paths that were overridden, and by which variable.
pub type Overrides = BTreeMap<Vec<String>, String>;

pub fn lay_over(value: &mut Value, environment: impl Iterator<Item = (String, String)>) -> Overrides {
    let mut overrides = Overrides::new();
    for (name, text) in environment {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        let path: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
        let mut place = &mut *value;
        for key in &path {
            place = step(place, key);
        }
        // As YAML, so that numbers, booleans and lists can be given; what is no YAML is text.
        *place = serde_yaml::from_str(&text).unwrap_or(Value::String(text));
        overrides.insert(path, name);
    }
    overrides
}

fn step<'a>(place: &'a mut Value, key: &str) -> &'a mut Value {
    let number = key.parse::<usize>().ok();
    let is_entry = |list: &Vec<Value>| number.is_some_and(|number| number <= list.len());
    if !place.as_sequence().is_some_and(is_entry) && !place.is_mapping() {
        *place = Value::Mapping(Mapping::new());
    }
    match (place, number) {
        (Value::Sequence(list), Some(number)) => {
            if number == list.len() {
                list.push(Value::Null);
            }
            &mut list[number]
        }
        (Value::Mapping(mapping), _) => mapping.entry(Value::String(key.to_owned())).or_insert(Value::Null),
        _ => unreachable!("a mapping, or a list with such an entry, since just above"),
    }
}
