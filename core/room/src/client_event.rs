//! Events as clients see them, made from stored text without building a tree.

use std::borrow::Cow;

use ruma::{MilliSecondsSinceUnixEpoch, room_version_rules::RoomVersionRules};
use serde::{Deserialize, Serialize, ser::SerializeMap};
use serde_json::value::RawValue;

/// A stored event in the client format
/// ([specification](https://spec.matrix.org/v1.16/client-server-api/#room-event-format)).
///
/// Borrows everything from the stored text. `event_id` and `room_id` come from outside, since most room versions don't
/// have them in the text; `/sync` leaves the room id out.
#[derive(Debug, Clone)]
pub struct ClientEvent<'a> {
    pub event_id: &'a str,
    pub room_id: Option<&'a str>,
    pub sender: Cow<'a, str>,
    pub event_type: Cow<'a, str>,
    pub state_key: Option<Cow<'a, str>>,
    pub origin_server_ts: MilliSecondsSinceUnixEpoch,
    pub content: Cow<'a, RawValue>,
    /// At the top level in every room version: what older clients read.
    pub redacts: Option<Cow<'a, str>>,
    /// A JSON object.
    pub unsigned: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Stored<'a> {
    #[serde(borrow)]
    sender: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    state_key: Option<Cow<'a, str>>,
    origin_server_ts: MilliSecondsSinceUnixEpoch,
    #[serde(borrow)]
    content: &'a RawValue,
    #[serde(borrow)]
    redacts: Option<&'a RawValue>,
}

impl<'a> ClientEvent<'a> {
    /// Reads an event as [`crate::Pdu::json`] gave it.
    ///
    /// Of redactions both places of `redacts` are filled, whichever the room version uses, as the specification asks.
    pub fn parse(
        event_id: &'a str,
        room_id: Option<&'a str>,
        json: &'a str,
        rules: &RoomVersionRules,
    ) -> Result<Self, serde_json::Error> {
        let stored: Stored<'a> = serde_json::from_str(json)?;
        let mut event = Self {
            event_id,
            room_id,
            sender: stored.sender,
            event_type: stored.event_type,
            state_key: stored.state_key,
            origin_server_ts: stored.origin_server_ts,
            content: Cow::Borrowed(stored.content),
            redacts: None,
            unsigned: None,
        };
        if event.event_type == "m.room.redaction" {
            event.fill_redacts(stored.content, stored.redacts, rules)?;
        }
        Ok(event)
    }

    /// Adds `unsigned`, a JSON object.
    pub fn with_unsigned(self, unsigned: Option<&'a RawValue>) -> Self {
        Self { unsigned, ..self }
    }

    fn fill_redacts(
        &mut self,
        content: &'a RawValue,
        redacts: Option<&'a RawValue>,
        rules: &RoomVersionRules,
    ) -> Result<(), serde_json::Error> {
        #[derive(Deserialize)]
        struct Content<'a> {
            #[serde(borrow)]
            redacts: Option<&'a RawValue>,
        }

        let text = |raw: &'a RawValue| serde_json::from_str::<Cow<'a, str>>(raw.get()).ok();
        if rules.redaction.content_field_redacts {
            self.redacts = serde_json::from_str::<Content<'a>>(content.get())?.redacts.and_then(text);
        } else if let Some((raw, id)) = redacts.and_then(|raw| Some((raw, text(raw)?))) {
            let mut object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(content.get())?;
            object.insert("redacts".to_owned(), serde_json::from_str(raw.get())?);
            self.content = Cow::Owned(serde_json::value::to_raw_value(&object)?);
            self.redacts = Some(id);
        }
        Ok(())
    }
}

impl Serialize for ClientEvent<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_map(None)?;
        event.serialize_entry("content", &self.content)?;
        event.serialize_entry("event_id", self.event_id)?;
        event.serialize_entry("origin_server_ts", &self.origin_server_ts)?;
        if let Some(redacts) = &self.redacts {
            event.serialize_entry("redacts", redacts)?;
        }
        if let Some(room_id) = self.room_id {
            event.serialize_entry("room_id", room_id)?;
        }
        event.serialize_entry("sender", &self.sender)?;
        if let Some(state_key) = &self.state_key {
            event.serialize_entry("state_key", state_key)?;
        }
        event.serialize_entry("type", &self.event_type)?;
        if let Some(unsigned) = self.unsigned {
            event.serialize_entry("unsigned", unsigned)?;
        }
        event.end()
    }
}
