//! From what a user wants to say to a signed event.

use std::borrow::Borrow;

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId,
    events::{StateEventType, TimelineEventType},
    room_version_rules::{EventIdFormatVersion, EventsReferenceFormatVersion, RoomVersionRules},
    signatures::{JsonError, hash_and_sign_event},
    state_res::auth_types_for_event,
};
use serde_json::value::{RawValue, to_raw_value};
use thiserror::Error;

use crate::{
    Pdu, PduError, SigningKey,
    auth::AuthError,
    limits::MAX_DEPTH,
    pdu::{check_size, hash_id, room_id_of_create},
};

/// Why no event could be made of a draft.
#[derive(Debug, Error)]
pub enum BuildError {
    #[error("content is not a JSON object of integers, strings, booleans, arrays and objects")]
    Content(#[source] serde_json::Error),
    #[error("a create event of this room version must not name its room, and every other event must")]
    RoomId,
    #[error(transparent)]
    Pdu(#[from] PduError),
}

/// An event before it has a place in the room.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The room; `None` only for a create event since room version 12, whose hash becomes the room id.
    pub room_id: Option<OwnedRoomId>,
    pub sender: OwnedUserId,
    pub event_type: TimelineEventType,
    pub state_key: Option<String>,
    /// A JSON object.
    pub content: Box<RawValue>,
    /// What a redaction redacts; written where the room version wants it.
    pub redacts: Option<OwnedEventId>,
    pub origin_server_ts: MilliSecondsSinceUnixEpoch,
}

/// The end of a room's graph, to which the next event is tied.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// The forward extremities, at most 20 (the specification's limit).
    pub prev_events: Vec<OwnedEventId>,
    /// The greatest depth among them; 0 before the create event.
    pub depth: u64,
    /// In room versions 1 and 2 the reference hashes of `prev_events`, in their order; else empty.
    pub hashes: Vec<String>,
}

impl Head {
    /// The head after exactly these events.
    pub fn of<E: Borrow<Pdu>>(events: &[E], rules: &RoomVersionRules) -> Result<Self, PduError> {
        Ok(Self {
            prev_events: events.iter().map(|event| event.borrow().event_id.clone()).collect(),
            depth: events.iter().map(|event| event.borrow().depth).max().unwrap_or(0),
            hashes: reference_hashes(events, rules)?,
        })
    }
}

/// The state keys of the events that authorize a draft: those of them that the room's state has are its `auth_events`
/// ([specification](https://spec.matrix.org/v1.16/server-server-api/#auth-events-selection)).
pub fn auth_keys(draft: &Draft, rules: &RoomVersionRules) -> Result<Vec<(StateEventType, String)>, AuthError> {
    auth_types_for_event(
        &draft.event_type,
        &draft.sender,
        draft.state_key.as_deref(),
        &draft.content,
        &rules.authorization,
    )
    .map_err(AuthError::Malformed)
}

/// Makes, hashes and signs the event: with the key of the sender's server, which must be ours.
///
/// `auth_events` are the room's current events under [`auth_keys`]. `new_id` gives a `$random:server` id and is
/// called in room versions 1 and 2 only. The result is not authorized yet.
pub fn build<E: Borrow<Pdu>>(
    draft: Draft,
    head: &Head,
    auth_events: &[E],
    key: &SigningKey,
    rules: &RoomVersionRules,
    new_id: impl FnOnce() -> OwnedEventId,
) -> Result<Pdu, BuildError> {
    let names_room =
        rules.authorization.room_create_event_id_as_room_id && draft.event_type == TimelineEventType::RoomCreate;
    if draft.room_id.is_none() != names_room {
        return Err(BuildError::RoomId);
    }
    let mut content: CanonicalJsonObject = serde_json::from_str(draft.content.get()).map_err(BuildError::Content)?;
    let mut object = CanonicalJsonObject::new();
    let mut put = |field: &str, value: CanonicalJsonValue| object.insert(field.to_owned(), value);

    if let Some(redacts) = &draft.redacts {
        let id = CanonicalJsonValue::String(redacts.to_string());
        if rules.redaction.content_field_redacts {
            content.insert("redacts".to_owned(), id);
        } else {
            put("redacts", id);
        }
    }
    let content_text = to_raw_value(&content).map_err(BuildError::Content)?;
    let depth = head.depth.saturating_add(1).min(MAX_DEPTH);
    let auth_ids: Vec<OwnedEventId> = auth_events.iter().map(|event| event.borrow().event_id.clone()).collect();
    let event_id = (rules.event_id_format == EventIdFormatVersion::V1).then(new_id);

    put("auth_events", references(&auth_ids, &reference_hashes(auth_events, rules)?, rules));
    put("content", CanonicalJsonValue::Object(content));
    put("depth", CanonicalJsonValue::Integer(depth.try_into().expect("depth is capped at the greatest integer")));
    put("origin_server_ts", CanonicalJsonValue::Integer(draft.origin_server_ts.get().into()));
    put("prev_events", references(&head.prev_events, &head.hashes, rules));
    put("sender", CanonicalJsonValue::String(draft.sender.to_string()));
    put("type", CanonicalJsonValue::String(draft.event_type.to_string()));
    if let Some(event_id) = &event_id {
        put("event_id", CanonicalJsonValue::String(event_id.to_string()));
    }
    if let Some(room_id) = &draft.room_id {
        put("room_id", CanonicalJsonValue::String(room_id.to_string()));
    }
    if let Some(state_key) = &draft.state_key {
        put("state_key", CanonicalJsonValue::String(state_key.clone()));
    }

    hash_and_sign_event(draft.sender.server_name().as_str(), key, &mut object, &rules.redaction).map_err(
        |error| match (error, serde_json::to_string(&object)) {
            (JsonError::PduTooLarge, Ok(json)) => PduError::TooLarge(json.len()),
            (error, _) => PduError::Hash(error),
        },
    )?;
    let event_id = match event_id {
        Some(event_id) => event_id,
        None => hash_id(&object, rules)?,
    };
    let json = serde_json::to_string(&object).map_err(PduError::Json)?;
    check_size(json.len())?;
    let room_id = match draft.room_id {
        Some(room_id) => room_id,
        None => room_id_of_create(&event_id)?,
    };
    let pdu = Pdu {
        event_id,
        room_id,
        sender: draft.sender,
        event_type: draft.event_type,
        state_key: draft.state_key.map(String::into_boxed_str),
        content: content_text,
        prev_events: head.prev_events.clone(),
        auth_events: auth_ids,
        depth,
        origin_server_ts: draft.origin_server_ts,
        redacts: draft.redacts,
        json: json.into_boxed_str(),
        names_room,
        rejected: false,
    };
    pdu.check_lengths()?;
    Ok(pdu)
}

/// The hashes that room versions 1 and 2 write beside references; none in later versions, where the id is the hash.
fn reference_hashes<E: Borrow<Pdu>>(events: &[E], rules: &RoomVersionRules) -> Result<Vec<String>, PduError> {
    match rules.events_reference_format {
        EventsReferenceFormatVersion::V1 => events.iter().map(|event| event.borrow().reference_hash(rules)).collect(),
        _ => Ok(Vec::new()),
    }
}

fn references(ids: &[OwnedEventId], hashes: &[String], rules: &RoomVersionRules) -> CanonicalJsonValue {
    let id = |id: &OwnedEventId| CanonicalJsonValue::String(id.to_string());
    CanonicalJsonValue::Array(match rules.events_reference_format {
        EventsReferenceFormatVersion::V1 => {
            let hash = |hash: &String| ("sha256".to_owned(), CanonicalJsonValue::String(hash.clone()));
            let hashes = hashes.iter().map(Some).chain(std::iter::repeat(None));
            let pairs = ids.iter().zip(hashes);
            pairs
                .map(|(event, sha256)| {
                    let hashes = sha256.map(hash).into_iter().collect();
                    CanonicalJsonValue::Array(vec![id(event), CanonicalJsonValue::Object(hashes)])
                })
                .collect()
        }
        _ => ids.iter().map(id).collect(),
    })
}
