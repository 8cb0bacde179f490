//! Signatures and content hashes of events from other servers.

use std::collections::BTreeSet;

use ruma::{
    CanonicalJsonObject, OwnedServerName, ServerName,
    room_version_rules::RoomVersionRules,
    signatures::{
        PublicKeyMap, VerificationError, required_server_signatures_to_verify_event, sign_event, verify_event,
    },
};

use crate::{Pdu, PduError, SigningKey};

pub use ruma::signatures::Verified;

/// The servers whose signatures an event must carry.
pub fn required_servers(
    event: &CanonicalJsonObject,
    rules: &RoomVersionRules,
) -> Result<BTreeSet<OwnedServerName>, VerificationError> {
    required_server_signatures_to_verify_event(event, &rules.signatures)
}

/// Checks an event's signatures and content hash. [`Verified::Signatures`] says that only the hash is wrong: the event
/// is to be redacted before it is used ([`crate::redact::redact`]).
pub fn verify(
    event: &CanonicalJsonObject,
    keys: &PublicKeyMap,
    rules: &RoomVersionRules,
) -> Result<Verified, VerificationError> {
    verify_event(keys, event, rules)
}

/// Adds our signature to another server's event (a restricted join that one of our users vouches for, an invite).
pub fn countersign(
    pdu: &Pdu,
    server: &ServerName,
    key: &SigningKey,
    rules: &RoomVersionRules,
) -> Result<Pdu, PduError> {
    let mut object: CanonicalJsonObject = serde_json::from_str(pdu.json())?;
    sign_event(server.as_str(), key, &mut object, &rules.redaction)?;
    Pdu::from_object(object, rules)
}
