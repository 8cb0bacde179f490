//! Rooms side by side.

use super::*;

#[test]
fn a_slow_room_delays_no_other_and_keeps_its_order() {
    let mut machine = Machine::with_lanes(4);
    machine.slow.insert(1);
    machine.append(1..=3, 1);
    machine.append(4..=6, 2);
    machine.run();
    machine.append(7..=7, 1);
    machine.append(8..=8, 3);
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, [4, 5, 6, 8]);
    assert_eq!(machine.away.len(), 1, "one transaction of a room at a time");
    machine.release();
    machine.run_for(MINUTE);
    assert_eq!(machine.of_room(1), [1, 2, 3, 7]);
    assert!(machine.durable.lanes.is_empty() && machine.durable.cursor == 8);
}

#[test]
fn only_so_many_rooms_are_served_at_the_same_time() {
    let mut machine = Machine::with_lanes(3);
    machine.slow.extend(1..=5);
    for room in 1..=5 {
        machine.append(room..=room, room);
    }
    machine.run();
    assert_eq!(machine.away.len(), 3);
    machine.release();
    machine.run();
    assert_eq!(machine.taken.len(), 5);
}

#[test]
fn a_slow_room_with_much_to_take_costs_one_row_and_little_memory() {
    let mut machine = Machine::with_lanes(4);
    machine.slow.insert(1);
    machine.append(1..=1, 1);
    machine.run();
    machine.append(2..=20_000, 1);
    machine.append(20_001..=20_001, 2);
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, [20_001]);
    assert!(machine.state.in_memory() <= 101, "{} in memory", machine.state.in_memory());
    assert_eq!(machine.durable.lanes.len(), 1);
    machine.release();
    let before = machine.transactions;
    machine.run_for(MINUTE);
    assert_eq!(machine.of_room(1), (1..=20_000).collect::<Vec<_>>());
    assert!(machine.transactions - before <= 202, "{} transactions", machine.transactions - before);
}

#[test]
fn a_crash_repeats_what_was_in_flight_under_its_own_ids() {
    let mut machine = Machine::with_lanes(4);
    machine.slow.extend([1, 2]);
    machine.append(1..=2, 1);
    machine.append(3..=4, 2);
    machine.run();
    machine.append(5..=5, 3);
    machine.append(6..=6, 1);
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, [5]);
    let in_flight: HashSet<String> = machine.away.iter().map(|(_, transaction)| transaction.id.clone()).collect();
    for (_, transaction) in std::mem::take(&mut machine.away) {
        machine.answer(&transaction);
    }
    let mut machine = machine.restarted();
    machine.run_for(MINUTE);
    assert_eq!((machine.of_room(1), machine.of_room(2), machine.of_room(3)), (vec![1, 2, 6], vec![3, 4], vec![]));
    let repeated: HashSet<String> = machine.taken_ids.iter().map(|(_, id)| id.clone()).collect();
    assert!(in_flight.is_subset(&repeated), "{in_flight:?} {repeated:?}");
}

#[test]
fn poison_in_a_lane_is_a_dead_letter_while_others_go_on() {
    let mut machine = Machine::with_lanes(4);
    machine.poison.insert(2);
    machine.append(1..=3, 1);
    machine.append(4..=4, 2);
    machine.run_for(MINUTE);
    for position in 5..10 {
        machine.append(position..=position, 2);
        machine.run_for(MINUTE);
    }
    assert_eq!((machine.dead(), machine.of_room(1)), (1, vec![1, 3]));
}

#[test]
fn an_outage_holds_all_lanes_with_one_back_off_and_tries_one_at_first() {
    let mut machine = Machine::with_lanes(8);
    machine.down = Some(held());
    for room in 1..=8 {
        machine.append(room..=room, room);
    }
    machine.run_for(60 * MINUTE);
    assert!((60..90).contains(&machine.transactions), "{} tries in an hour", machine.transactions);
    assert_eq!(machine.dead(), 0);
    machine.down = None;
    machine.state.returned(machine.now);
    machine.run();
    assert_eq!(machine.taken.len(), 8);
}

#[test]
fn lanes_are_opened_and_closed_by_the_registration_while_things_are_in_flight() {
    let mut machine = Machine::at_rest();
    machine.slow.insert(1);
    machine.append(1..=2, 1);
    machine.append(3..=3, 2);
    machine.run();
    machine.state.set_destination(100, 4, machine.now);
    machine.append(4..=5, 1);
    machine.append(6..=6, 3);
    machine.run();
    assert_eq!(machine.away.len(), 1, "the old transaction is waited for");
    machine.release();
    machine.run();
    machine.slow.insert(2);
    machine.append(7..=7, 2);
    machine.append(8..=8, 3);
    machine.run();
    machine.state.set_destination(100, 1, machine.now);
    machine.append(9..=9, 2);
    machine.append(10..=10, 1);
    machine.release();
    machine.run_for(MINUTE);
    assert_eq!((machine.of_room(1), machine.of_room(2)), (vec![1, 2, 4, 5, 10], vec![3, 7, 9]));
    assert_eq!(machine.of_room(3), [6, 8]);
    assert!(machine.durable.lanes.is_empty());
}

#[test]
fn a_prepared_delivery_becomes_the_rooms_lane() {
    let mut machine = Machine::with_lanes(4);
    machine.slow.insert(1);
    let (serial, statement) = machine.state.prepare(vec![EventNid(1001)]).expect("it is at rest");
    machine.durable.carry_out(&[statement]);
    machine.append(1..=1, 1);
    machine.state.prepared_committed(serial, Position(1));
    machine.run();
    assert_eq!((machine.away.len(), machine.writes), (1, 0));
    machine.append(2..=2, 2);
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, [2]);
    assert_eq!((machine.durable.lanes[&1].flight, machine.durable.in_flight.clone()), (1, None));
    let mut machine = machine.restarted();
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, [1]);
    assert!(machine.tried.contains_key("e-1"));
}
