//! Memberships of users in a room.

use ruma::events::room::member::MembershipState;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::AuthError;

/// The membership that the content of an `m.room.member` event sets.
pub fn of(content: &RawValue) -> Result<MembershipState, AuthError> {
    #[derive(Deserialize)]
    struct Content {
        membership: MembershipState,
    }

    serde_json::from_str::<Content>(content.get())
        .map(|content| content.membership)
        .map_err(|error| AuthError::Malformed(format!("no usable membership in m.room.member: {error}")))
}
