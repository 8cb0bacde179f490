//! State resolution over random rooms.

#![allow(clippy::unwrap_used, reason = "a test")]

mod simulation;

use std::{collections::BTreeSet, sync::Arc};

use causeway_room::{
    Pdu,
    resolve::{Difference, EventIdSet, StateMap, needed_keys, resolve, resolve_difference},
    version,
};
use proptest::prelude::*;
use ruma::{EventId, OwnedEventId, RoomVersionId};
use simulation::{Room, dice::Dice};

/// A room with some history, and states of it that differ.
fn conflicting_states(version: &RoomVersionId, seed: u64) -> (Room, Vec<StateMap<OwnedEventId>>) {
    let mut dice = Dice(seed);
    let mut room = Room::random_start(version, &mut dice);
    for _ in 0..120 {
        room.act(&mut dice);
    }
    // Far apart, so that whole branches are in conflict.
    let states = (0..2 + dice.below(3))
        .map(|_| {
            let id = room.order[4 + dice.below(room.order.len() - 4)].clone();
            (*room.state_before(&[id]).0).clone()
        })
        .collect();
    (room, states)
}

/// What a server knows that has compared its states: where they differ, and the difference of their auth chains.
fn difference(room: &Room, states: &[StateMap<OwnedEventId>]) -> Difference {
    let keys: BTreeSet<_> = states.iter().flat_map(StateMap::keys).cloned().collect();
    let differing: BTreeSet<_> =
        keys.into_iter().filter(|key| states.iter().any(|state| state.get(key) != states[0].get(key))).collect();
    let only = |state: &StateMap<OwnedEventId>| {
        state.iter().filter(|(key, _)| differing.contains(*key)).map(|(key, id)| (key.clone(), id.clone())).collect()
    };
    let chains: Vec<EventIdSet<OwnedEventId>> = states.iter().map(|state| room.auth_chain(state)).collect();
    let in_some = chains.iter().flat_map(EventIdSet::iter);
    Difference {
        states: states.iter().map(only).collect(),
        auth_difference: in_some.filter(|id| chains.iter().any(|chain| !chain.contains(id))).cloned().collect(),
    }
}

fn whole(room: &Room, states: &[StateMap<OwnedEventId>]) -> StateMap<OwnedEventId> {
    let chains = states.iter().map(|state| room.auth_chain(state)).collect();
    resolve(room.rules, states, chains, |id| room.fetch(id)).unwrap()
}

/// The resolved state as a server makes it: what the states agree on, and the resolved difference.
fn by_difference(room: &Room, states: &[StateMap<OwnedEventId>]) -> StateMap<OwnedEventId> {
    let difference = difference(room, states);
    let agrees = |key: &_, id: &OwnedEventId| states.iter().all(|state| state.get(key) == Some(id));
    let needed = needed_keys(room.rules, &difference, |id| room.fetch(id));
    let agreed: StateMap<OwnedEventId> = needed
        .into_iter()
        .filter_map(|key| states[0].get(&key).filter(|id| agrees(&key, id)).cloned().map(|id| (key, id)))
        .collect();
    let fetch = |id: &EventId| -> Option<Arc<Pdu>> { room.fetch(id) };
    let mut state = states[0].clone();
    state.retain(|key, id| agrees(key, id));
    state.extend(resolve_difference(room.rules, &difference, &agreed, fetch).unwrap());
    state
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn a_difference_resolves_to_what_whole_states_resolve_to(seed in any::<u64>(), index in 0..12_usize) {
        let (room, states) = conflicting_states(&version::SUPPORTED[index], seed);
        prop_assert_eq!(by_difference(&room, &states), whole(&room, &states));
    }

    #[test]
    fn resolution_does_not_depend_on_the_order_of_states(seed in any::<u64>(), index in 0..12_usize, turn in 1..4_usize) {
        let (room, mut states) = conflicting_states(&version::SUPPORTED[index], seed);
        let (first, first_by_difference) = (whole(&room, &states), by_difference(&room, &states));
        states.reverse();
        let len = states.len();
        states.rotate_left(turn % len);
        prop_assert_eq!(whole(&room, &states), first.clone());
        prop_assert_eq!(by_difference(&room, &states), first_by_difference);
    }
}

#[test]
fn conflicting_states_of_the_tests_do_conflict() {
    let conflicts = (0..10).filter(|seed| {
        let (_, states) = conflicting_states(&version::SUPPORTED[9], *seed);
        states.iter().any(|state| state != &states[0])
    });
    assert!(conflicts.count() >= 8);
}

mod version_1 {
    use std::collections::HashMap;

    use causeway_room::resolve::v1;
    use ruma::events::StateEventType;
    use serde_json::json;

    use super::*;
    use simulation::user;

    fn one(room: &Room, id: &OwnedEventId) -> StateMap<OwnedEventId> {
        (*room.state_before(std::slice::from_ref(id)).0).clone()
    }

    /// Sends a state event on a branch of its own after `base`.
    fn branch(
        room: &mut Room,
        base: &OwnedEventId,
        sender: usize,
        event_type: &str,
        content: serde_json::Value,
    ) -> OwnedEventId {
        let draft = room.draft(&user(sender), event_type, Some(""), content);
        let attempt = room.send(draft, std::slice::from_ref(base));
        attempt.verdict.unwrap();
        attempt.pdu.event_id().clone()
    }

    fn room() -> (Room, OwnedEventId) {
        let mut room = Room::created(&RoomVersionId::V1, &user(0), "public");
        room.state(&user(1), "m.room.member", user(1).as_str(), json!({"membership": "join"})).unwrap();
        let levels = json!({"users": {user(0).as_str(): 100, user(1).as_str(): 50}, "events": {"m.room.name": 50}});
        let base = room.state(&user(0), "m.room.power_levels", "", levels).unwrap().event_id().clone();
        (room, base)
    }

    fn resolved(room: &Room, ids: &[&OwnedEventId], event_type: StateEventType) -> OwnedEventId {
        let states: Vec<_> = ids.iter().map(|id| one(room, id)).collect();
        let answer = v1::resolve(room.rules, &states, &HashMap::new(), |id| room.fetch(id)).unwrap();
        answer[&(event_type, String::new())].clone()
    }

    #[test]
    fn of_conflicting_names_the_deepest_wins() {
        let (mut room, base) = room();
        let shallow = branch(&mut room, &base, 0, "m.room.name", json!({"name": "shallow"}));
        let topic = branch(&mut room, &base, 0, "m.room.topic", json!({"topic": "deeper"}));
        let deep = branch(&mut room, &topic, 1, "m.room.name", json!({"name": "deep"}));
        assert_eq!(resolved(&room, &[&shallow, &deep], StateEventType::RoomName), deep);
    }

    #[test]
    fn of_names_the_resolved_power_levels_forbid_the_deepest_loses() {
        let (mut room, base) = room();
        let name = branch(&mut room, &base, 0, "m.room.name", json!({"name": "by the creator"}));
        let levels = json!({"users": {user(0).as_str(): 100}, "events": {"m.room.name": 50}});
        let demoted = branch(&mut room, &name, 0, "m.room.power_levels", levels);
        let topic = branch(&mut room, &base, 0, "m.room.topic", json!({"topic": "deeper"}));
        let deep = branch(&mut room, &topic, 1, "m.room.name", json!({"name": "by the demoted"}));
        let deeper = branch(&mut room, &deep, 1, "m.room.name", json!({"name": "by the demoted again"}));
        assert_eq!(resolved(&room, &[&demoted, &deeper], StateEventType::RoomPowerLevels), demoted);
        assert_eq!(resolved(&room, &[&demoted, &deeper], StateEventType::RoomName), name);
    }

    #[test]
    fn a_key_that_one_state_lacks_is_no_conflict() {
        let (mut room, base) = room();
        let name = branch(&mut room, &base, 0, "m.room.name", json!({"name": "only here"}));
        assert_eq!(resolved(&room, &[&base, &name], StateEventType::RoomName), name);
    }

    #[test]
    fn an_unknown_event_in_a_conflict_is_an_error_that_names_it() {
        let (mut room, base) = room();
        let name = branch(&mut room, &base, 0, "m.room.name", json!({"name": "known"}));
        let mut other = one(&room, &name);
        let unknown = EventId::parse("$unknown:one.example").unwrap();
        other.insert((StateEventType::RoomName, String::new()), unknown);
        let error =
            v1::resolve(room.rules, &[one(&room, &name), other], &HashMap::new(), |id| room.fetch(id)).unwrap_err();
        assert!(error.to_string().contains("$unknown:one.example"), "{error}");
    }
}
