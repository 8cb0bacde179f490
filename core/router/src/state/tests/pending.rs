//! Entries that are taken and not settled, and dead letters that are tried again.

use super::*;

#[test]
fn pending_entries_stay_until_settled_and_are_offered_again_after_revival() {
    let mut machine = Machine::at_rest();
    machine.pending = true;
    machine.append(1..=3, 1);
    machine.run_for(MINUTE);
    assert_eq!(machine.state.exceptions().count(), 3);
    assert!(machine.state.settle(Position(2), &Settled::Done, machine.now, &machine.timing));
    assert!(!machine.state.settle(Position(2), &Settled::Done, machine.now, &machine.timing));
    machine.append(4..=4, 1);
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, [1, 2, 3, 4], "pending entries do not hold up their room");
    machine.state.revive();
    machine.pending = false;
    machine.append(5..=5, 1);
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, [1, 2, 3, 4, 1, 3, 4, 5], "what was pending comes first");
    assert_eq!(machine.state.exceptions().count(), 0);
}

#[test]
fn what_is_settled_before_its_delivery_is_answered_is_not_pending_after() {
    let mut machine = Machine::at_rest();
    machine.append(1..=1, 1);
    let Next::Write(_) = machine.state.next(machine.now, Position(0), &machine.timing) else { panic!("no record") };
    machine.state.written();
    let Next::Deliver(way, transaction) = machine.state.next(machine.now, Position(0), &machine.timing) else {
        panic!("no delivery")
    };
    assert!(machine.state.settle(Position(1), &Settled::Done, machine.now, &machine.timing));
    drop(transaction);
    let answer = Delivered::Taken { pending: vec![Position(1)] };
    machine.state.answered(way, &answer, Duration::ZERO, machine.now, &machine.timing);
    machine.run_for(MINUTE);
    assert_eq!(machine.state.exceptions().count(), 0);
}

#[test]
fn a_refused_entry_is_a_dead_letter_and_can_be_tried_again() {
    let mut machine = Machine::at_rest();
    machine.pending = true;
    machine.append(1..=1, 1);
    machine.run();
    let refused = Settled::Refused { reason: "no such user".to_owned() };
    let row = machine.state.exceptions().next().expect("it is pending");
    assert!(machine.state.settle(Position(1), &refused, machine.now, &machine.timing));
    assert_eq!(machine.dead(), 1);
    machine.pending = false;
    machine.state.reopen(&Exception { kind: ExceptionKind::Late, ..row }, machine.now);
    machine.run_for(MINUTE);
    assert_eq!((machine.taken.as_slice(), machine.dead()), ([1, 1].as_slice(), 0));
    assert_eq!(machine.redelivered, [(1, Redelivery::Late)]);
}

#[test]
fn what_lapses_is_owed_no_more_after_a_restart_either() {
    for parallel in [1, 4] {
        let mut machine = Machine::with_lanes(parallel);
        machine.pending = true;
        machine.append(1..=1, 1);
        machine.run_for(MINUTE);
        machine.pending = false;
        machine.poison.insert(2);
        machine.append(2..=3, 1);
        machine.append(4..=4, 2);
        machine.run();
        machine.down = Some(held());
        machine.append(5..=600, 3);
        machine.run();
        machine.state.lapse(Position(590), machine.now);
        machine.now += Duration::from_secs(1);
        machine.run();
        assert!(machine.state.is_written());
        assert!(machine.state.in_memory() <= 10, "{}", machine.state.in_memory());
        assert!(machine.durable.lanes.keys().all(|room| *room == 3) && machine.durable.exceptions.is_empty());
        for mut machine in [machine.restarted(), machine] {
            machine.down = None;
            machine.taken.clear();
            machine.state.returned(machine.now);
            machine.run_for(MINUTE);
            assert_eq!(machine.taken, (591..=600).collect::<Vec<_>>(), "{parallel}");
        }
    }
}

#[test]
fn a_late_entry_holds_up_nobody_and_is_marked() {
    let mut machine = Machine::at_rest();
    machine.poison.insert(1);
    machine.append(1..=1, 1);
    machine.append(2..=2, 2);
    machine.run_for(MINUTE);
    assert_eq!(machine.dead(), 1);
    let letter = &machine.durable.dead[&1];
    let late = Exception {
        position: letter.position,
        event: letter.event,
        room: letter.room,
        kind: ExceptionKind::Late,
        reason: letter.reason.clone(),
        attempts: 0,
        since: letter.since,
    };
    machine.state.reopen(&late, machine.now);
    machine.append(3..=4, 1);
    machine.run();
    assert_eq!(machine.taken, [2, 3, 4], "its room does not wait for it");
    machine.poison.clear();
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, [2, 3, 4, 1]);
    assert_eq!(machine.redelivered, [(1, Redelivery::Late)]);
    assert!(machine.durable.exceptions.is_empty());
}
