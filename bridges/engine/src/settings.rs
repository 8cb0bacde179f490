//! What the engine itself takes from a bridge's config, under the names that mautrix bridges use.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// `com.beeper.message_send_status` for what users send: always, never, or (without it) only for what waits, did not
    /// arrive or may not have
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_status_events: Option<bool>,
    /// seconds after which a message that still waits is told to be on its way, by such an event; 0: never
    pub message_pending_after: u64,
    /// the bot's notices about what did not arrive
    pub message_error_notices: bool,
    /// the bot's notices about logins, in the management room
    pub bridge_status_notices: StatusNotices,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusNotices {
    None,
    /// what needs the person, and that it is over
    #[default]
    Errors,
    All,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            message_status_events: None,
            message_pending_after: 10,
            message_error_notices: true,
            bridge_status_notices: StatusNotices::default(),
        }
    }
}

const KEYS: [&str; 4] =
    ["message_status_events", "message_pending_after", "message_error_notices", "bridge_status_notices"];

impl Settings {
    /// Takes its keys out of a bridge's config; the connector never sees them.
    pub fn take_from(config: &mut Map<String, Value>) -> Result<Self, String> {
        let mut settings = Map::new();
        for key in KEYS {
            let Some(value) = config.remove(key) else { continue };
            settings.insert(key.to_owned(), value);
            let checked: Result<Self, _> = serde_json::from_value(Value::Object(settings.clone()));
            checked.map_err(|error| format!("{key}: {error}"))?;
        }
        serde_json::from_value(Value::Object(settings)).map_err(|error| error.to_string())
    }
}
