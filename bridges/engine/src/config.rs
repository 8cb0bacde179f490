//! A bridge's config as its admin writes it: keys of the engine's and keys of the connector's in one object.

use causeway_store::bridges::installed::BridgeRow;
use serde_json::{Map, Value, json};

use crate::engine::EngineError;
use crate::host::Grant;
use crate::permissions::Permissions;
use crate::settings::Settings;

/// What is shown in the place of a secret. Given back unchanged it means the secret that is there.
pub(crate) const HIDDEN: &str = "(hidden)";
/// Ends of the names of keys whose values are never shown.
const SECRET: [&str; 6] = ["password", "passphrase", "secret", "token", "_key", "apikey"];

/// The keys taken apart.
pub(crate) struct Parted {
    pub permissions: Permissions,
    pub settings: Settings,
    /// the login that speaks for others: `*` is that of each portal
    pub relay: Option<String>,
    pub private_networks: bool,
    /// the connector's own
    pub own: Value,
}

impl Parted {
    /// # Errors
    /// Which of the engine's keys is wrong; the connector checks its own.
    pub fn of(config: Value) -> Result<Self, EngineError> {
        let Value::Object(mut config) = config else {
            return Err(EngineError::Invalid("a bridge's config is an object".into()));
        };
        let invalid = |key: &str, what: &dyn std::fmt::Display| EngineError::Invalid(format!("{key}: {what}"));
        let permissions = config.remove("permissions").unwrap_or_else(|| json!({"*": "user"}));
        let permissions = serde_json::from_value(permissions).map_err(|error| invalid("permissions", &error))?;
        let settings = Settings::take_from(&mut config).map_err(EngineError::Invalid)?;
        let switch = |config: &mut Map<String, Value>, key: &str| match config.remove(key) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(on)) => Ok(on),
            Some(_) => Err(invalid(key, &"true or false")),
        };
        let private_networks = switch(&mut config, "allow_private_networks")?;
        let relay = switch(&mut config, "relay")?.then(|| "*".to_owned());
        Ok(Self { permissions, settings, relay, private_networks, own: Value::Object(config) })
    }

    pub fn into_row(self, grant: &Grant, before: BridgeRow) -> BridgeRow {
        BridgeRow {
            rights: serde_json::to_string(grant).expect("a grant is plain data"),
            config: self.own.to_string(),
            permissions: serde_json::to_string(&self.permissions).expect("permissions are plain data"),
            settings: serde_json::to_string(&self.settings).expect("settings are plain data"),
            relay: self.relay,
            ..before
        }
    }
}

/// The whole config of an installed bridge, secrets included.
pub(crate) fn whole(row: &BridgeRow) -> Map<String, Value> {
    let object = |text: &str| match serde_json::from_str(text) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    };
    let mut config = object(&row.config);
    config.extend(object(&row.settings));
    config.insert("permissions".to_owned(), object(&row.permissions).into());
    let private = object(&row.rights).get("private_networks").and_then(Value::as_bool).unwrap_or(false);
    config.insert("allow_private_networks".to_owned(), private.into());
    config.insert("relay".to_owned(), row.relay.is_some().into());
    config
}

/// The same for eyes and logs.
pub(crate) fn hide(config: &mut Value) {
    match config {
        Value::Object(object) => object.iter_mut().for_each(|(key, value)| match value {
            Value::Null => {}
            value if is_secret(key) => *value = HIDDEN.into(),
            value => hide(value),
        }),
        Value::Array(list) => list.iter_mut().for_each(hide),
        _ => {}
    }
}

/// Puts the secrets that are there where a config was given back as it was shown.
pub(crate) fn unhide(config: &mut Value, present: &Value) {
    match config {
        Value::Object(object) => object.iter_mut().for_each(|(key, value)| match value {
            Value::String(text) if is_secret(key) && text == HIDDEN => *value = present[key].clone(),
            value => unhide(value, &present[key.as_str()]),
        }),
        Value::Array(list) => list.iter_mut().enumerate().for_each(|(index, value)| unhide(value, &present[index])),
        _ => {}
    }
}

/// As RFC 7396 merges: objects into objects, `null` takes a key away.
pub(crate) fn merge(config: &mut Value, change: Value) {
    let Value::Object(change) = change else {
        *config = change;
        return;
    };
    if !config.is_object() {
        *config = json!({});
    }
    let Some(object) = config.as_object_mut() else { return };
    for (key, value) in change {
        if value.is_null() {
            object.remove(&key);
        } else {
            merge(object.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// The keys that are not the same in both.
pub(crate) fn changed(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let mut keys: Vec<String> =
        before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key)).cloned().collect();
    keys.sort();
    keys.dedup();
    keys
}

fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    SECRET.iter().any(|end| key.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_hidden_comes_back_as_it_was() {
        let present = json!({"server_password": "s", "nested": [{"api_key": "k", "name": "n"}], "token": null});
        let mut shown = present.clone();
        hide(&mut shown);
        assert_eq!(
            shown,
            json!({"server_password": HIDDEN, "nested": [{"api_key": HIDDEN, "name": "n"}], "token": null})
        );
        unhide(&mut shown, &present);
        assert_eq!(shown, present);
    }

    #[test]
    fn a_merge_changes_only_what_it_names() {
        let mut config = json!({"flood": {"burst": 5, "per_second": 1}, "port": 6667, "gone": 1});
        merge(&mut config, json!({"flood": {"burst": 3}, "gone": null, "new": {"a": 1}}));
        assert_eq!(config, json!({"flood": {"burst": 3, "per_second": 1}, "port": 6667, "new": {"a": 1}}));
    }
}
