//! `CAUSEWAY__SECTION__KEY=value` in the environment overrides `section: {key: value}` of the file.

use serde_yaml::{Mapping, Value};

const PREFIX: &str = "CAUSEWAY__";

pub fn lay_over(value: &mut Value, environment: impl Iterator<Item = (String, String)>) {
    for (name, text) in environment {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        let mut place = &mut *value;
        for key in path.split("__") {
            if !place.is_mapping() {
                *place = Value::Mapping(Mapping::new());
            }
            place = place
                .as_mapping_mut()
                .expect("made a mapping just above")
                .entry(Value::String(key.to_ascii_lowercase()))
                .or_insert(Value::Null);
        }
        // As YAML, so that numbers, booleans and lists can be given; what is no YAML is text.
        *place = serde_yaml::from_str(&text).unwrap_or(Value::String(text));
    }
}
