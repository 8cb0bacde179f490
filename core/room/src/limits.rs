//! Size limits of events ([specification](https://spec.matrix.org/v1.16/client-server-api/#size-limits)).

/// Bytes of an event's canonical JSON, signatures included.
pub const MAX_PDU_BYTES: usize = 65_536;
/// Bytes of a user id, room id, event id, event type or state key.
pub const MAX_ID_BYTES: usize = 255;
/// Entries of `prev_events`.
pub const MAX_PREV_EVENTS: usize = 20;
/// Entries of `auth_events`.
pub const MAX_AUTH_EVENTS: usize = 10;
/// The greatest integer of canonical JSON, where `depth` stops growing.
pub const MAX_DEPTH: u64 = (1 << 53) - 1;
