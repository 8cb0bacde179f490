//! State resolution of room version 1 ([specification](https://spec.matrix.org/v1.16/rooms/v1/#state-resolution)).

use std::{borrow::Borrow, cmp::Reverse, collections::HashMap};

use ruma::{
    EventId, OwnedEventId,
    events::StateEventType,
    room_version_rules::RoomVersionRules,
    state_res::{Event, check_state_dependent_auth_rules},
};
use sha1::{Digest, Sha1};

use super::{ResolveError, StateMap};
use crate::Pdu;

type Key = (StateEventType, String);

/// The types whose conflicts are resolved first, in this order, since they decide about all others.
const AUTH_TYPES: [StateEventType; 3] =
    [StateEventType::RoomPowerLevels, StateEventType::RoomJoinRules, StateEventType::RoomMember];

/// Resolves states, of which `agreed` is a part common to all that may be left out of `states`.
///
/// A key that only some states have is no conflict: the states are united.
pub fn resolve<E: Event<Id = OwnedEventId> + Borrow<Pdu>>(
    rules: &RoomVersionRules,
    states: &[StateMap<OwnedEventId>],
    agreed: &StateMap<OwnedEventId>,
    fetch: impl Fn(&EventId) -> Option<E>,
) -> Result<StateMap<OwnedEventId>, ResolveError> {
    let mut values: HashMap<&Key, Vec<&OwnedEventId>> = HashMap::new();
    for (key, id) in states.iter().flatten() {
        let ids = values.entry(key).or_default();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let mut resolved = agreed.clone();
    let mut conflicts: Vec<(&Key, Vec<E>)> = Vec::new();
    for (key, ids) in values {
        if let [id] = ids[..] {
            resolved.insert(key.clone(), id.clone());
        } else {
            conflicts.push((key, oldest_first(&ids, &fetch)?));
        }
    }

    // Conflicts of one pass don't see each other's outcome.
    for event_type in AUTH_TYPES {
        let pass = conflicts.iter().filter(|(key, _)| key.0 == event_type);
        let outcome: Vec<_> = pass
            .map(|(key, events)| (Key::clone(key), last_allowed_in_row(rules, key, events, &resolved, &fetch)))
            .collect();
        resolved.extend(outcome);
    }
    let rest = conflicts.iter().filter(|(key, _)| !AUTH_TYPES.contains(&key.0));
    let outcome: Vec<_> =
        rest.map(|(key, events)| (Key::clone(key), newest_allowed(rules, events, &resolved, &fetch))).collect();
    resolved.extend(outcome);
    Ok(resolved)
}

/// Orders conflicting events by ascending depth, then descending SHA-1 of their ids.
fn oldest_first<E: Event<Id = OwnedEventId> + Borrow<Pdu>>(
    ids: &[&OwnedEventId],
    fetch: impl Fn(&EventId) -> Option<E>,
) -> Result<Vec<E>, ResolveError> {
    let mut events = ids
        .iter()
        .map(|id| fetch(id).ok_or_else(|| ResolveError::NotState((*id).clone())))
        .collect::<Result<Vec<E>, _>>()?;
    events.sort_by_cached_key(|event| {
        let pdu: &Pdu = event.borrow();
        (pdu.depth(), Reverse(<[u8; 20]>::from(Sha1::digest(pdu.event_id().as_bytes()))))
    });
    Ok(events)
}

/// Starts with the oldest event and goes on as long as each next one is allowed after the one before.
fn last_allowed_in_row<E: Event<Id = OwnedEventId> + Borrow<Pdu>>(
    rules: &RoomVersionRules,
    key: &Key,
    events: &[E],
    resolved: &StateMap<OwnedEventId>,
    fetch: impl Fn(&EventId) -> Option<E>,
) -> OwnedEventId {
    let mut last = &events[0];
    for event in &events[1..] {
        let state = |event_type: &StateEventType, state_key: &str| {
            if *event_type == key.0 && state_key == key.1 {
                fetch(last.event_id())
            } else {
                fetch(resolved.get(&(event_type.clone(), state_key.to_owned()))?)
            }
        };
        if check_state_dependent_auth_rules(&rules.authorization, event, state).is_err() {
            break;
        }
        last = event;
    }
    last.event_id().clone()
}

/// The newest event that the resolved state allows; the oldest if it allows none, as all servers do.
fn newest_allowed<E: Event<Id = OwnedEventId> + Borrow<Pdu>>(
    rules: &RoomVersionRules,
    events: &[E],
    resolved: &StateMap<OwnedEventId>,
    fetch: impl Fn(&EventId) -> Option<E>,
) -> OwnedEventId {
    let state = |event_type: &StateEventType, state_key: &str| {
        fetch(resolved.get(&(event_type.clone(), state_key.to_owned()))?)
    };
    let allowed = |event: &&E| check_state_dependent_auth_rules(&rules.authorization, *event, state).is_ok();
    events.iter().rev().find(allowed).unwrap_or(&events[0]).event_id().clone()
}
