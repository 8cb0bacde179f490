//! Authorization rules of events, judged by ruma, with reasons that a client can show.

use ruma::{
    EventId, OwnedUserId,
    events::{StateEventType, TimelineEventType, room::member::MembershipState},
    room_version_rules::RoomVersionRules,
    state_res::{Event, check_state_dependent_auth_rules, check_state_independent_auth_rules},
};
use thiserror::Error;

use crate::{
    Pdu, PowerLevels, membership,
    power::{Action, Level},
};

/// Why an event is not allowed (`M_FORBIDDEN`); the text is meant for the client.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthError {
    /// The sender's power level is too low.
    #[error("{user} needs power level {need} to {action}, but has {have}")]
    Power { user: OwnedUserId, action: String, need: Level, have: Level },
    /// Another rule refuses the event.
    #[error("{0}")]
    Forbidden(String),
    /// The event's own content can't be judged.
    #[error("malformed event: {0}")]
    Malformed(String),
}

/// Judges an event against a state of its room; `state` looks an event up by type and state key and is asked for a
/// handful of keys (those of [`crate::auth_keys`], and the create event).
///
/// An event received from elsewhere is judged three times (by its auth events, the state before it and the current
/// state), one that we build only by the state it was built on. The event's signatures must have been verified.
pub fn authorize<E: Event>(
    rules: &RoomVersionRules,
    pdu: &Pdu,
    state: impl Fn(&StateEventType, &str) -> Option<E>,
) -> Result<(), AuthError> {
    check_state_dependent_auth_rules(&rules.authorization, pdu, &state)
        .map_err(|reason| explain(rules, pdu, &state, reason))
}

/// The part of the rules that needs no state, judged once when an event is received: the create event's own form, and
/// for every other event that its auth events exist, are accepted, and are those that the specification selects.
///
/// `fetch` gets each of the event's auth events, and since room version 12 the create event.
pub fn check_auth_events<E: Event>(
    rules: &RoomVersionRules,
    pdu: &Pdu,
    fetch: impl Fn(&EventId) -> Option<E>,
) -> Result<(), AuthError> {
    check_state_independent_auth_rules(&rules.authorization, pdu, fetch).map_err(AuthError::Forbidden)
}

/// Turns "not enough power" into numbers. The verdict is ruma's; this only words it.
fn explain<E: Event>(
    rules: &RoomVersionRules,
    pdu: &Pdu,
    state: impl Fn(&StateEventType, &str) -> Option<E>,
    reason: String,
) -> AuthError {
    let levels = state(&StateEventType::RoomCreate, "")
        .and_then(|create| PowerLevels::new(rules, &create, state(&StateEventType::RoomPowerLevels, "").as_ref()).ok());
    let Some(levels) = levels.filter(|_| reason.contains("enough power")) else {
        return AuthError::Forbidden(reason);
    };
    let have = levels.of(pdu.sender());
    let (action, need) = match pdu.event_type() {
        TimelineEventType::RoomMember => {
            let action = match membership::of(pdu.content()) {
                Ok(MembershipState::Invite) => Action::Invite,
                Ok(MembershipState::Ban) => Action::Ban,
                Ok(MembershipState::Leave) => {
                    let target = state(&StateEventType::RoomMember, pdu.state_key().unwrap_or_default());
                    let banned =
                        target.is_some_and(|target| membership::of(target.content()) == Ok(MembershipState::Ban));
                    if banned && have < levels.to(Action::Ban) { Action::Ban } else { Action::Kick }
                }
                _ => return AuthError::Forbidden(reason),
            };
            (action.to_string(), levels.to(action))
        }
        TimelineEventType::RoomThirdPartyInvite => (Action::Invite.to_string(), levels.to(Action::Invite)),
        TimelineEventType::RoomRedaction if have >= levels.to_send(pdu.event_type(), pdu.is_state()) => {
            (Action::Redact.to_string(), levels.to(Action::Redact))
        }
        event_type => (format!("send {event_type}"), levels.to_send(event_type, pdu.is_state())),
    };
    if have < need {
        AuthError::Power { user: pdu.sender().clone(), action, need, have }
    } else {
        // Enough for the act, but not over this target or for this change: the rule's own words say it.
        AuthError::Forbidden(reason)
    }
}
