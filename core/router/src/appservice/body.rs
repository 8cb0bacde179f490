//! The body of a transaction: events in the client format, and the other streams under the names that libraries read.

use std::collections::BTreeMap;

use causeway_registration::Registration;
use causeway_room::{ClientEvent, RoomVersionRules};
use causeway_store::{Entry, Replaced};
use serde::Serialize;
use serde::ser::{Error as _, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;

use crate::destination::{Redelivery, Transaction};
use crate::ephemeral::DeviceKeys;

/// Writes the whole body. Events are copied from their stored text without building a tree.
pub(super) fn write(registration: &Registration, transaction: &Transaction) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Body { registration, transaction })
}

struct Body<'a> {
    registration: &'a Registration,
    transaction: &'a Transaction,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Transaction { ephemeral, to_device, devices, .. } = self.transaction;
        let mut body = serializer.serialize_map(None)?;
        body.serialize_entry("events", &Events(self.transaction))?;
        if !ephemeral.is_empty() {
            if self.registration.ephemeral {
                body.serialize_entry("ephemeral", ephemeral)?;
            }
            if self.registration.ephemeral_unstable {
                body.serialize_entry("de.sorunome.msc2409.ephemeral", ephemeral)?;
            }
        }
        if !to_device.is_empty() {
            body.serialize_entry("to_device", to_device)?;
            body.serialize_entry("de.sorunome.msc2409.to_device", to_device)?;
        }
        if !devices.lists.is_empty() {
            body.serialize_entry("device_lists", &devices.lists)?;
            body.serialize_entry("org.matrix.msc3202.device_lists", &devices.lists)?;
        }
        if !devices.keys.is_empty() {
            let counts = by_device(&devices.keys, |keys| keys.one_time.iter().cloned().collect::<BTreeMap<_, _>>());
            let unused = by_device(&devices.keys, |keys| &keys.unused_fallback);
            // Libraries read one spelling or the other.
            for name in ["device_one_time_keys_count", "device_one_time_key_counts"] {
                body.serialize_entry(&format!("org.matrix.msc3202.{name}"), &counts)?;
            }
            body.serialize_entry("device_one_time_keys_count", &counts)?;
            body.serialize_entry("org.matrix.msc3202.device_unused_fallback_key_types", &unused)?;
            body.serialize_entry("device_unused_fallback_key_types", &unused)?;
        }
        body.end()
    }
}

/// User → device → what `of` says of its keys.
fn by_device<'a, T>(
    keys: &'a [DeviceKeys],
    of: impl Fn(&'a DeviceKeys) -> T,
) -> BTreeMap<&'a str, BTreeMap<&'a str, T>> {
    let mut users: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for device in keys {
        users.entry(device.user_id.as_str()).or_default().insert(device.device_id.as_str(), of(device));
    }
    users
}

struct Events<'a>(&'a Transaction);

impl Serialize for Events<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Transaction { entries, replaced, made, redelivery, .. } = self.0;
        let mut events = serializer.serialize_seq(Some(entries.len()))?;
        for entry in entries {
            let replaced = replaced.iter().find(|replaced| replaced.by == entry.nid);
            let unsigned = unsigned(entry, replaced, *redelivery, *made).map_err(S::Error::custom)?;
            let event = ClientEvent::parse(&entry.event_id, Some(&entry.room_id), &entry.json, &redaction_rules(entry))
                .map_err(S::Error::custom)?
                .with_unsigned(Some(&unsigned));
            events.serialize_element(&event)?;
        }
        events.end()
    }
}

#[derive(Serialize)]
struct Unsigned<'a> {
    age: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_sender: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces_state: Option<&'a str>,
    /// out of its order: `late` or `replay`
    #[serde(rename = "io.causeway.redelivery", skip_serializing_if = "Option::is_none")]
    redelivery: Option<&'static str>,
}

fn unsigned(
    entry: &Entry,
    replaced: Option<&Replaced>,
    redelivery: Option<Redelivery>,
    made: i64,
) -> Result<Box<RawValue>, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Content<'a> {
        #[serde(borrow)]
        content: &'a RawValue,
    }
    let previous: Option<Content<'_>> = replaced.map(|replaced| serde_json::from_str(&replaced.json)).transpose()?;
    serde_json::value::to_raw_value(&Unsigned {
        age: (made - entry.origin_server_ts).max(0),
        prev_content: previous.map(|previous| previous.content),
        prev_sender: replaced.map(|replaced| &*replaced.sender),
        replaces_state: replaced.map(|replaced| &*replaced.event_id),
        redelivery: redelivery.map(Redelivery::as_str),
    })
}

/// The client format depends on the room version only in where a redaction names its target, and the text shows that.
fn redaction_rules(entry: &Entry) -> RoomVersionRules {
    #[derive(serde::Deserialize)]
    struct Redacts<'a> {
        #[serde(borrow)]
        redacts: Option<&'a RawValue>,
    }
    let is_old = &*entry.event_type == "m.room.redaction"
        && serde_json::from_str::<Redacts<'_>>(&entry.json).is_ok_and(|event| event.redacts.is_some());
    if is_old { RoomVersionRules::V10 } else { RoomVersionRules::V11 }
}
