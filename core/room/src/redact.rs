//! Redaction: what is left of an event, by room version
//! ([specification](https://spec.matrix.org/v1.16/client-server-api/#redactions)).

use ruma::{
    CanonicalJsonObject,
    canonical_json::{redact_content_in_place, redact_in_place},
    room_version_rules::RoomVersionRules,
};
use serde_json::value::{RawValue, to_raw_value};

use crate::PduError;

/// The redacted text of a stored event: same id, hashes and signatures, still canonical JSON.
pub fn redact(json: &str, rules: &RoomVersionRules) -> Result<Box<str>, PduError> {
    let mut object: CanonicalJsonObject = serde_json::from_str(json)?;
    redact_in_place(&mut object, &rules.redaction, None)?;
    Ok(serde_json::to_string(&object)?.into_boxed_str())
}

/// What is left of an event's content.
pub fn redact_content(
    event_type: &str,
    content: &RawValue,
    rules: &RoomVersionRules,
) -> Result<Box<RawValue>, PduError> {
    let mut object: CanonicalJsonObject = serde_json::from_str(content.get())?;
    redact_content_in_place(&mut object, &rules.redaction, event_type);
    Ok(to_raw_value(&object)?)
}
