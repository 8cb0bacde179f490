//! A persistent event: parsed once, immutable, with the exact text that was signed.

use std::borrow::Cow;

use ruma::{
    CanonicalJsonObject, EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId,
    canonical_json::CanonicalJsonFieldError,
    events::TimelineEventType,
    room_version_rules::{EventIdFormatVersion, EventsReferenceFormatVersion, RoomVersionRules},
    signatures::{JsonError, reference_hash},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::limits::{MAX_AUTH_EVENTS, MAX_ID_BYTES, MAX_PDU_BYTES, MAX_PREV_EVENTS};

/// Why a text is not an event of its room version.
#[derive(Debug, Error)]
pub enum PduError {
    #[error("event is not canonical JSON of the expected shape")]
    Json(#[from] serde_json::Error),
    #[error("event can't be hashed")]
    Hash(#[from] JsonError),
    #[error("event can't be redacted")]
    Redact(#[from] CanonicalJsonFieldError),
    #[error("event is {0} bytes long, more than the allowed {MAX_PDU_BYTES}")]
    TooLarge(usize),
    #[error("field {field} is {bytes} bytes long, more than the allowed {MAX_ID_BYTES}")]
    FieldTooLong { field: &'static str, bytes: usize },
    #[error("field {field} has {entries} entries, more than the allowed {limit}")]
    TooManyReferences { field: &'static str, entries: usize, limit: usize },
    #[error("content is not an object")]
    Content,
    #[error("field {0} is missing")]
    Missing(&'static str),
    #[error("field {0} must not be present")]
    Unexpected(&'static str),
    #[error("field {0} is not a valid identifier")]
    Identifier(&'static str, #[source] ruma::IdParseError),
}

/// A persistent event of a room.
///
/// [`json`](Self::json) is its canonical JSON without `unsigned` (which nobody signs), so what is stored and what is
/// sent to other servers is the same text. Content keys that this server doesn't know are kept.
#[derive(Debug, Clone)]
pub struct Pdu {
    pub(crate) event_id: OwnedEventId,
    pub(crate) room_id: OwnedRoomId,
    pub(crate) sender: OwnedUserId,
    pub(crate) event_type: TimelineEventType,
    pub(crate) state_key: Option<Box<str>>,
    pub(crate) content: Box<RawValue>,
    pub(crate) prev_events: Vec<OwnedEventId>,
    pub(crate) auth_events: Vec<OwnedEventId>,
    pub(crate) depth: u64,
    pub(crate) origin_server_ts: MilliSecondsSinceUnixEpoch,
    pub(crate) redacts: Option<OwnedEventId>,
    pub(crate) json: Box<str>,
    /// Whether the room id is the event's own hash (create events since room version 12).
    pub(crate) names_room: bool,
    pub(crate) rejected: bool,
}

impl Pdu {
    /// Parses an event from an untrusted source: checks sizes and format, computes its id. Signatures and the content
    /// hash are [`crate::verify`]'s part.
    pub fn parse(text: &str, rules: &RoomVersionRules) -> Result<Self, PduError> {
        let object: CanonicalJsonObject = serde_json::from_str(text)?;
        Self::from_object(object, rules)
    }

    /// As [`parse`](Self::parse), from JSON that is already in canonical form in memory.
    pub fn from_object(mut object: CanonicalJsonObject, rules: &RoomVersionRules) -> Result<Self, PduError> {
        object.remove("unsigned");
        if object.get("content").is_some_and(|content| !content.is_object()) {
            return Err(PduError::Content);
        }
        let json = serde_json::to_string(&object)?;
        check_size(json.len())?;
        let fields: Fields<'_> = serde_json::from_str(&json)?;
        let event_id = match (rules.event_id_format, &fields.event_id) {
            (EventIdFormatVersion::V1, Some(id)) => {
                EventId::parse(id.as_ref()).map_err(|e| PduError::Identifier("event_id", e))?
            }
            (EventIdFormatVersion::V1, None) => return Err(PduError::Missing("event_id")),
            _ => hash_id(&object, rules)?,
        };
        let pdu = Self::from_fields(fields, event_id, rules)?;
        pdu.check_lengths()?;
        Ok(Self { json: json.into_boxed_str(), ..pdu })
    }

    /// Takes up an event that was stored by this server: the text is what [`json`](Self::json) gave, and neither
    /// sizes nor hashes are looked at again.
    pub fn load(event_id: OwnedEventId, json: Box<str>, rules: &RoomVersionRules) -> Result<Self, PduError> {
        let fields: Fields<'_> = serde_json::from_str(&json)?;
        let pdu = Self::from_fields(fields, event_id, rules)?;
        Ok(Self { json, ..pdu })
    }

    fn from_fields(fields: Fields<'_>, event_id: OwnedEventId, rules: &RoomVersionRules) -> Result<Self, PduError> {
        let names_room =
            rules.authorization.room_create_event_id_as_room_id && fields.event_type == TimelineEventType::RoomCreate;
        let room_id = match fields.room_id {
            Some(_) if names_room => return Err(PduError::Unexpected("room_id")),
            None if names_room => room_id_of_create(&event_id)?,
            Some(room_id) => room_id,
            None => return Err(PduError::Missing("room_id")),
        };
        let redacts = (fields.event_type == TimelineEventType::RoomRedaction)
            .then(|| redacted_id(fields.redacts, fields.content, rules))
            .flatten();
        Ok(Self {
            event_id,
            room_id,
            sender: fields.sender,
            event_type: fields.event_type,
            state_key: fields.state_key.map(|key| key.into_owned().into_boxed_str()),
            content: fields.content.to_owned(),
            prev_events: references("prev_events", fields.prev_events, rules)?,
            auth_events: references("auth_events", fields.auth_events, rules)?,
            depth: fields.depth.into(),
            origin_server_ts: fields.origin_server_ts,
            redacts,
            json: Box::default(),
            names_room,
            rejected: false,
        })
    }

    /// Marks the event as rejected on receipt: no other event may be authorized by it.
    pub fn with_rejected(self, rejected: bool) -> Self {
        Self { rejected, ..self }
    }

    /// Under an id of the caller's choosing, also where the room version makes ids of hashes: for an event that no other
    /// server will ever see.
    pub fn with_event_id(self, event_id: OwnedEventId) -> Self {
        Self { event_id, ..self }
    }

    pub fn event_id(&self) -> &OwnedEventId {
        &self.event_id
    }

    /// The room; of a create event since room version 12 it is derived from the event's own hash.
    pub fn room_id(&self) -> &OwnedRoomId {
        &self.room_id
    }

    pub fn sender(&self) -> &OwnedUserId {
        &self.sender
    }

    pub fn event_type(&self) -> &TimelineEventType {
        &self.event_type
    }

    pub fn state_key(&self) -> Option<&str> {
        self.state_key.as_deref()
    }

    pub fn is_state(&self) -> bool {
        self.state_key.is_some()
    }

    pub fn content(&self) -> &RawValue {
        &self.content
    }

    pub fn prev_events(&self) -> &[OwnedEventId] {
        &self.prev_events
    }

    pub fn auth_events(&self) -> &[OwnedEventId] {
        &self.auth_events
    }

    pub fn depth(&self) -> u64 {
        self.depth
    }

    pub fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.origin_server_ts
    }

    /// What a redaction redacts, wherever its room version keeps that.
    pub fn redacts(&self) -> Option<&OwnedEventId> {
        self.redacts.as_ref()
    }

    pub fn rejected(&self) -> bool {
        self.rejected
    }

    /// The canonical JSON that was hashed and signed, with its signatures, without `unsigned`.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The reference hash, which room versions 1 and 2 write beside each event id they refer to
    /// ([specification](https://spec.matrix.org/v1.16/server-server-api/#calculating-the-reference-hash-for-an-event)).
    pub fn reference_hash(&self, rules: &RoomVersionRules) -> Result<String, PduError> {
        let object: CanonicalJsonObject = serde_json::from_str(&self.json)?;
        Ok(reference_hash(&object, rules)?)
    }

    pub(crate) fn check_lengths(&self) -> Result<(), PduError> {
        let fields = [
            ("event_id", self.event_id.as_str().len()),
            ("room_id", self.room_id.as_str().len()),
            ("sender", self.sender.as_str().len()),
            ("type", self.event_type.to_string().len()),
            ("state_key", self.state_key().map_or(0, str::len)),
        ];
        if let Some((field, bytes)) = fields.into_iter().find(|(_, bytes)| *bytes > MAX_ID_BYTES) {
            return Err(PduError::FieldTooLong { field, bytes });
        }
        for (field, entries, limit) in [
            ("prev_events", self.prev_events.len(), MAX_PREV_EVENTS),
            ("auth_events", self.auth_events.len(), MAX_AUTH_EVENTS),
        ] {
            if entries > limit {
                return Err(PduError::TooManyReferences { field, entries, limit });
            }
        }
        Ok(())
    }
}

impl ruma::state_res::Event for Pdu {
    type Id = OwnedEventId;

    fn event_id(&self) -> &OwnedEventId {
        &self.event_id
    }

    fn room_id(&self) -> Option<&RoomId> {
        (!self.names_room).then_some(&self.room_id)
    }

    fn sender(&self) -> &UserId {
        &self.sender
    }

    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.origin_server_ts
    }

    fn event_type(&self) -> &TimelineEventType {
        &self.event_type
    }

    fn content(&self) -> &RawValue {
        &self.content
    }

    fn state_key(&self) -> Option<&str> {
        self.state_key.as_deref()
    }

    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.prev_events.iter())
    }

    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.auth_events.iter())
    }

    fn redacts(&self) -> Option<&OwnedEventId> {
        self.redacts.as_ref()
    }

    fn rejected(&self) -> bool {
        self.rejected
    }
}

/// The room id that a create event gives its room since room version 12: its reference hash.
pub(crate) fn room_id_of_create(event_id: &EventId) -> Result<OwnedRoomId, PduError> {
    RoomId::new_v2(event_id.as_str().trim_start_matches('$')).map_err(|e| PduError::Identifier("room_id", e))
}

/// The event id of room versions from 3 on: the reference hash.
pub(crate) fn hash_id(object: &CanonicalJsonObject, rules: &RoomVersionRules) -> Result<OwnedEventId, PduError> {
    let hash = reference_hash(object, rules)?;
    EventId::new_v2_or_v3(&hash).map_err(|e| PduError::Identifier("event_id", e))
}

pub(crate) fn check_size(bytes: usize) -> Result<(), PduError> {
    if bytes > MAX_PDU_BYTES { Err(PduError::TooLarge(bytes)) } else { Ok(()) }
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    event_id: Option<Cow<'a, str>>,
    room_id: Option<OwnedRoomId>,
    sender: OwnedUserId,
    #[serde(rename = "type")]
    event_type: TimelineEventType,
    #[serde(borrow)]
    state_key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: &'a RawValue,
    #[serde(borrow)]
    prev_events: &'a RawValue,
    #[serde(borrow)]
    auth_events: &'a RawValue,
    depth: ruma::UInt,
    origin_server_ts: MilliSecondsSinceUnixEpoch,
    #[serde(borrow)]
    redacts: Option<&'a RawValue>,
}

/// Reads `prev_events` or `auth_events`: plain ids, in room versions 1 and 2 pairs of an id and its hashes.
fn references(field: &'static str, raw: &RawValue, rules: &RoomVersionRules) -> Result<Vec<OwnedEventId>, PduError> {
    #[derive(Deserialize)]
    struct WithHashes(OwnedEventId, serde::de::IgnoredAny);

    let ids: Vec<OwnedEventId> = match rules.events_reference_format {
        EventsReferenceFormatVersion::V1 => {
            serde_json::from_str::<Vec<WithHashes>>(raw.get())?.into_iter().map(|reference| reference.0).collect()
        }
        _ => serde_json::from_str(raw.get())?,
    };
    match ids.iter().find(|id| id.as_str().len() > MAX_ID_BYTES) {
        Some(id) => Err(PduError::FieldTooLong { field, bytes: id.as_str().len() }),
        None => Ok(ids),
    }
}

fn redacted_id(redacts: Option<&RawValue>, content: &RawValue, rules: &RoomVersionRules) -> Option<OwnedEventId> {
    #[derive(Deserialize)]
    struct Content {
        redacts: OwnedEventId,
    }

    // A redaction that names nothing valid is still an event, it just redacts nothing.
    if rules.redaction.content_field_redacts {
        serde_json::from_str::<Content>(content.get()).ok().map(|content| content.redacts)
    } else {
        serde_json::from_str(redacts?.get()).ok()
    }
}
