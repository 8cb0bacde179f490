//! State resolution: one state out of several
//! ([specification](https://spec.matrix.org/v1.16/server-server-api/#room-state-resolution)).
//!
//! Versions 2 and 2.1 are ruma's, version 1 is [`v1`]. A server that knows how its states differ calls
//! [`resolve_difference`], which reads nothing of what they agree on but the few keys that [`needed_keys`] names.

use std::{
    borrow::Borrow,
    collections::{BTreeSet, HashMap},
};

use ruma::{
    EventId, OwnedEventId,
    events::StateEventType,
    room_version_rules::{RoomVersionRules, StateResolutionVersion},
    state_res::{self, Event, auth_types_for_event},
};
use thiserror::Error;

use crate::Pdu;

pub mod v1;

pub use ruma::state_res::{StateMap, utils::event_id_set::EventIdSet};

/// Why states could not be resolved.
#[derive(Debug, Error)]
pub enum ResolveError {
    #[error("state resolution failed")]
    Resolution(#[from] state_res::Error),
    #[error("state holds {0}, which is missing or not a state event")]
    NotState(OwnedEventId),
}

/// How states of one room differ.
#[derive(Debug, Clone, Default)]
pub struct Difference {
    /// Of each state, what it has under those keys on which the states are not all alike.
    pub states: Vec<StateMap<OwnedEventId>>,
    /// The events that are in the auth chain of some state but not of all. A state's chain holds its own events too, as
    /// other servers count it. Room version 1 does without.
    pub auth_difference: EventIdSet<OwnedEventId>,
}

/// Resolves whole states.
///
/// `auth_chains` are the auth chains of the states, one each, with the states' own events; `fetch` gets all of them.
pub fn resolve<E: Event<Id = OwnedEventId> + Borrow<Pdu> + Clone>(
    rules: &RoomVersionRules,
    states: &[StateMap<OwnedEventId>],
    auth_chains: Vec<EventIdSet<OwnedEventId>>,
    fetch: impl Fn(&EventId) -> Option<E>,
) -> Result<StateMap<OwnedEventId>, ResolveError> {
    match &rules.state_res {
        StateResolutionVersion::V2(v2) => {
            Ok(state_res::resolve(&rules.authorization, v2, states, auth_chains, &fetch, |conflicted| {
                Some(conflicted_subgraph(conflicted.values().flatten(), &fetch))
            })?)
        }
        _ => v1::resolve(rules, states, &StateMap::new(), fetch),
    }
}

/// The keys whose agreed value the resolution of a difference looks at.
pub fn needed_keys<E: Event<Id = OwnedEventId> + Borrow<Pdu> + Clone>(
    rules: &RoomVersionRules,
    difference: &Difference,
    fetch: impl Fn(&EventId) -> Option<E>,
) -> BTreeSet<(StateEventType, String)> {
    let conflicted: EventIdSet<OwnedEventId> =
        difference.states.iter().flat_map(|state| state.values()).cloned().collect();
    let subgraph = match &rules.state_res {
        StateResolutionVersion::V2(v2) if v2.consider_conflicted_state_subgraph => {
            conflicted_subgraph(conflicted.iter(), &fetch)
        }
        _ => EventIdSet::new(),
    };
    let mut keys =
        BTreeSet::from([(StateEventType::RoomCreate, String::new()), (StateEventType::RoomPowerLevels, String::new())]);
    for id in conflicted.iter().chain(difference.auth_difference.iter()).chain(subgraph.iter()) {
        let Some(event) = fetch(id) else { continue };
        let Some(state_key) = event.state_key() else { continue };
        keys.insert((event.event_type().to_string().into(), state_key.to_owned()));
        let auth_types = auth_types_for_event(
            event.event_type(),
            event.sender(),
            Some(state_key),
            event.content(),
            &rules.authorization,
        );
        // An event that can't be judged is left out by resolution, whatever the state.
        keys.extend(auth_types.unwrap_or_default());
    }
    keys
}

/// Resolves the difference of states: returns what the resolved state has under the keys on which they differ. A
/// differing key that is not in the answer has no value in the resolved state.
///
/// `agreed` holds what all states have under [`needed_keys`], as far as they have something and agree on it. `fetch`
/// gets the events of the difference, of `agreed`, and their auth chains.
pub fn resolve_difference<E: Event<Id = OwnedEventId> + Borrow<Pdu> + Clone>(
    rules: &RoomVersionRules,
    difference: &Difference,
    agreed: &StateMap<OwnedEventId>,
    fetch: impl Fn(&EventId) -> Option<E>,
) -> Result<StateMap<OwnedEventId>, ResolveError> {
    let mut resolved = match &rules.state_res {
        StateResolutionVersion::V2(v2) => {
            let states: Vec<StateMap<OwnedEventId>> =
                difference.states.iter().map(|state| agreed.iter().chain(state).map(owned).collect()).collect();
            state_res::resolve(
                &rules.authorization,
                v2,
                &states,
                // What is in one chain of two is exactly the difference.
                vec![difference.auth_difference.clone(), EventIdSet::new()],
                &fetch,
                |conflicted| Some(conflicted_subgraph(conflicted.values().flatten(), &fetch)),
            )?
        }
        _ => v1::resolve(rules, &difference.states, agreed, fetch)?,
    };
    resolved.retain(|key, _| !agreed.contains_key(key));
    Ok(resolved)
}

fn owned((key, id): (&(StateEventType, String), &OwnedEventId)) -> ((StateEventType, String), OwnedEventId) {
    (key.clone(), id.clone())
}

/// The conflicted state subgraph of state resolution 2.1: every event on a path of auth events from one conflicted
/// event to another, ends included.
fn conflicted_subgraph<'a, E: Event<Id = OwnedEventId>>(
    conflicted: impl Iterator<Item = &'a OwnedEventId>,
    fetch: impl Fn(&EventId) -> Option<E>,
) -> EventIdSet<OwnedEventId> {
    let conflicted: EventIdSet<OwnedEventId> = conflicted.cloned().collect();
    // Whether a visited event leads to a conflicted one; all visited events come from one.
    let mut leads: HashMap<OwnedEventId, bool> = HashMap::new();
    let mut stack: Vec<(OwnedEventId, Option<Vec<OwnedEventId>>)> =
        conflicted.iter().map(|id| (id.clone(), None)).collect();
    while let Some((id, visited)) = stack.pop() {
        if let Some(auth_events) = visited {
            let leads_on = auth_events.iter().any(|auth| leads.get(auth).copied().unwrap_or(false));
            leads.insert(id.clone(), leads_on || conflicted.contains(&id));
        } else if !leads.contains_key(&id) {
            leads.insert(id.clone(), conflicted.contains(&id));
            let auth_events: Vec<OwnedEventId> =
                fetch(&id).map(|event| event.auth_events().cloned().collect()).unwrap_or_default();
            stack.push((id, Some(auth_events.clone())));
            stack.extend(auth_events.into_iter().map(|auth| (auth, None)));
        }
    }
    leads.into_iter().filter(|(_, leads)| *leads).map(|(id, _)| id).collect()
}
