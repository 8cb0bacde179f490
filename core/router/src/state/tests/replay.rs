//! A piece of the log once more.

use super::*;

fn served() -> Machine {
    let mut machine = Machine::at_rest();
    for position in 1..=20 {
        machine.append(position..=position, position % 3);
    }
    machine.run_for(MINUTE);
    machine
}

#[test]
fn a_replay_is_marked_and_under_ids_of_its_own_while_live_entries_go_on_in_order() {
    let mut machine = served();
    assert!(machine.state.replay("r".into(), Position(4), Position(15), machine.now));
    assert!(!machine.state.replay("q".into(), Position(0), Position(1), machine.now), "one at a time");
    machine.append(21..=40, 1);
    machine.run_for(MINUTE);
    let again: Vec<i64> = machine.redelivered.iter().map(|(position, _)| *position).collect();
    assert_eq!(again, (5..=15).collect::<Vec<_>>());
    assert!(machine.redelivered.iter().all(|(_, mark)| *mark == Redelivery::Replay));
    let ids = machine.taken_ids.iter().filter(|(_, id)| id.starts_with("r-")).count();
    assert_eq!(ids, 11);
    let live: Vec<i64> = machine.taken_ids.iter().filter(|(_, id)| id.starts_with("e-")).map(|(at, _)| *at).collect();
    assert_eq!(live, (1..=40).collect::<Vec<_>>());
    assert!(machine.durable.lanes.is_empty());
}

#[test]
fn a_long_replay_takes_turns_with_what_is_new() {
    let mut machine = Machine::at_rest();
    machine.append(1..=3_000, 1);
    machine.run_for(MINUTE);
    machine.state.replay("r".into(), Position(0), Position(3_000), machine.now);
    machine.append(3_001..=3_300, 1);
    machine.run();
    let order: Vec<char> = machine.taken_ids.iter().skip(3_000).map(|(_, id)| id.chars().next().unwrap()).collect();
    let last_new = order.iter().rposition(|way| *way == 'e').expect("new ones came");
    assert!(last_new < 800, "new entries waited for {last_new} others");
}

#[test]
fn a_replay_goes_on_after_a_crash_with_the_transaction_it_had_in_flight() {
    let mut machine = served();
    machine.down = Some(held());
    machine.state.replay("r".into(), Position(0), Position(10), machine.now);
    machine.run();
    assert_eq!(machine.tried["r-1"], (1..=10).collect::<Vec<_>>());
    let mut machine = machine.restarted();
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, (1..=10).collect::<Vec<_>>());
    assert!(machine.taken_ids.iter().all(|(_, id)| id == "r-1"));
    assert!(machine.durable.lanes.is_empty());
}

#[test]
fn what_is_not_done_comes_by_its_own_way_and_a_dead_letter_that_is_taken_is_none() {
    let mut machine = Machine::at_rest();
    machine.poison.extend([2, 5]);
    for position in 1..=8 {
        machine.append(position..=position, position);
    }
    machine.run_for(MINUTE);
    for position in 9..=14 {
        machine.append(position..=position, 20);
        machine.run_for(MINUTE);
    }
    assert_eq!(machine.dead(), 2);
    machine.poison.remove(&2);
    machine.append(15..=15, 1);
    machine.poison.insert(15);
    machine.run();
    machine.state.replay("r".into(), Position(0), Position(15), machine.now);
    machine.run();
    let again: Vec<i64> = machine.redelivered.iter().map(|(position, _)| *position).collect();
    assert!(again.contains(&2) && !again.contains(&15), "{again:?}");
    assert_eq!(machine.state.dead_letters, BTreeSet::from([Position(5)]));
    machine.run_for(10 * MINUTE);
    let again: HashSet<i64> = machine.redelivered.iter().map(|(position, _)| *position).collect();
    assert_eq!(again, (1..=14).filter(|position| *position != 5).collect());
}

#[test]
fn a_cancelled_replay_ends() {
    let mut machine = served();
    machine.down = Some(held());
    machine.state.replay("r".into(), Position(0), Position(10), machine.now);
    machine.run();
    assert!(machine.state.cancel_replay(machine.now));
    assert!(!machine.state.cancel_replay(machine.now));
    machine.down = None;
    machine.run_for(MINUTE);
    assert!(machine.redelivered.is_empty() && machine.durable.lanes.is_empty());
}
