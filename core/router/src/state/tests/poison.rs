//! Poison is isolated, an outage is not mistaken for it.

use super::*;

#[test]
fn an_outage_repeats_the_same_transaction_and_buries_nobody() {
    let mut machine = Machine::at_rest();
    machine.append(1..=3, 1);
    machine.down = Some(held());
    machine.run_for(60 * MINUTE);
    assert_eq!(machine.tried.len(), 1);
    assert!((60..80).contains(&machine.transactions), "{} tries in an hour", machine.transactions);
    assert_eq!(machine.dead(), 0);
    machine.down = None;
    machine.state.life();
    machine.run();
    assert_eq!(machine.taken, [1, 2, 3]);
}

#[test]
fn poison_is_singled_out_while_other_rooms_go_on() {
    let mut machine = Machine::at_rest();
    machine.poison.insert(5);
    for position in 1..=40 {
        machine.append(position..=position, position % 4);
    }
    machine.run();
    let others: Vec<i64> = (1..=40).filter(|position| position % 4 != 1).collect();
    let behind: Vec<i64> = (1..=40).filter(|position| position % 4 == 1).collect();
    let taken: HashSet<i64> = machine.taken.iter().copied().collect();
    assert!(others.iter().all(|position| taken.contains(position)), "other rooms wait: {:?}", machine.taken);
    assert!(!taken.contains(&9), "the poisoned room goes on over its poison");

    machine.run_for(MINUTE);
    assert_eq!(machine.dead(), 1);
    let room: Vec<i64> = machine.taken.iter().copied().filter(|position| behind.contains(position)).collect();
    assert_eq!(room, behind.iter().copied().filter(|position| *position != 5).collect::<Vec<_>>());
    assert_eq!(machine.state.in_memory(), 0);
}

#[test]
fn poison_is_no_dead_letter_while_nothing_else_is_taken() {
    let mut machine = Machine::at_rest();
    machine.poison.insert(1);
    machine.append(1..=5, 1);
    machine.run_for(60 * MINUTE);
    assert_eq!((machine.dead(), machine.taken.len()), (0, 0));
    machine.append(6..=6, 2);
    machine.run_for(5 * MINUTE);
    assert_eq!(machine.dead(), 1);
    assert_eq!(machine.taken, [6, 2, 3, 4, 5]);
}

#[test]
fn errors_to_everything_are_an_outage() {
    let mut machine = Machine::at_rest();
    machine.poison.extend(1..=200);
    for position in 1..=200 {
        machine.append(position..=position, position);
    }
    machine.run_for(60 * MINUTE);
    assert_eq!(machine.dead(), 0);
    machine.poison.clear();
    machine.state.life();
    machine.run_for(5 * MINUTE);
    let mut taken = machine.taken.clone();
    taken.sort_unstable();
    assert_eq!(taken, (1..=200).collect::<Vec<_>>());
    assert_eq!(machine.dead(), 0);
}

#[test]
fn a_mended_destination_takes_the_split_entry_before_what_waits_behind_it() {
    let mut machine = Machine::at_rest();
    machine.poison.insert(2);
    machine.append(1..=4, 1);
    machine.run();
    assert_eq!(machine.taken, [1]);
    machine.poison.clear();
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, [1, 2, 3, 4]);
}

#[test]
fn held_entries_survive_a_restart_and_are_not_taken_twice() {
    let mut machine = Machine::at_rest();
    machine.poison.insert(1);
    machine.append(1..=3, 1);
    machine.append(4..=4, 2);
    machine.run();
    assert_eq!(machine.durable.lanes[&1].attempts, 1);
    assert_eq!(machine.durable.lanes[&1].cursor, Position(0));
    let mut machine = machine.restarted();
    machine.run_for(MINUTE);
    let room: Vec<i64> = machine.taken.iter().copied().filter(|position| *position <= 3).collect();
    assert_eq!(room, [1, 2, 3]);
    assert!(machine.durable.lanes.is_empty());
}

#[test]
fn an_hour_of_any_outage_makes_no_dead_letter_and_loses_nothing() {
    let silence = || Delivered::Unanswered { reason: "silence".into(), alive: false };
    for (down, parallel) in [(held(), 1), (silence(), 1), (held(), 4), (silence(), 4)] {
        let mut machine = Machine::with_lanes(parallel);
        for position in 1..=30 {
            machine.append(position..=position, position % 7);
        }
        machine.run();
        machine.down = Some(down);
        for minute in 0..60 {
            machine.append(31 + minute..=31 + minute, minute % 7);
            machine.run_for(MINUTE);
            let wait = machine.state.hold.map_or(Duration::ZERO, |hold| hold - machine.now);
            assert!(wait <= MINUTE, "held for {wait:?}");
        }
        assert_eq!(machine.dead(), 0);
        machine.down = None;
        machine.state.returned(machine.now);
        machine.run();
        for room in 0..7 {
            let room: Vec<i64> = machine.of_room(room);
            assert!(room.is_sorted() && room.len() >= 12, "{room:?}");
        }
        assert_eq!(machine.taken.len(), 90);
    }
}

#[test]
fn silence_holds_until_something_else_is_answered() {
    let mut machine = Machine::at_rest();
    machine.silent.insert(3);
    machine.append(1..=4, 1);
    machine.append(5..=6, 2);
    let until = machine.run().expect("it is held");
    assert_eq!((machine.transactions, machine.state.failures), (1, 1), "the same transaction is tried again");
    assert_eq!(machine.tried["e-1"], [1, 2, 3, 4, 5, 6]);
    machine.now = until;
    machine.run_for(Duration::from_secs(2));
    assert_eq!(machine.taken, [1, 2, 5, 6], "one at a time, so that others are answered");
    machine.append(7..=7, 2);
    machine.run_for(5 * MINUTE);
    assert_eq!((machine.dead(), machine.of_room(1)), (1, vec![1, 2, 4]));
}

#[test]
fn silence_about_one_thing_of_a_destination_that_answers_pings_counts_at_once() {
    let mut machine = Machine::at_rest();
    machine.append(1..=1, 1);
    machine.down = Some(Delivered::Unanswered { reason: "silence".into(), alive: true });
    machine.run();
    assert_eq!(machine.durable.lanes[&1].attempts, 1);
    assert!(machine.state.hold.is_none());
}

#[test]
fn as_many_tries_as_the_admin_says() {
    let mut machine = Machine::at_rest();
    machine.timing.tries = 2;
    machine.poison.insert(1);
    machine.append(1..=1, 1);
    machine.append(2..=2, 2);
    machine.run_for(Duration::from_secs(3));
    assert_eq!((machine.dead(), machine.transactions), (1, 4), "both, one, the other, and the first again");
}

#[test]
fn five_poisoned_rooms_hold_up_no_other() {
    for parallel in [1, 4] {
        let mut machine = Machine::with_lanes(parallel);
        for room in 1..=5 {
            machine.poison.insert(room);
            machine.append(room..=room, room);
        }
        machine.run_for(5 * MINUTE);
        assert_eq!(machine.dead(), 0, "nothing else was taken yet");
        for position in 6..=30 {
            machine.append(position..=position, 9);
            machine.run_for(Duration::from_secs(15));
            assert!(machine.taken.contains(&position), "{position} waits");
        }
        machine.run_for(10 * MINUTE);
        assert_eq!(machine.dead(), 5);
    }
}

#[test]
fn a_failing_entry_is_given_up_at_an_admins_word() {
    let mut machine = Machine::at_rest();
    machine.poison.insert(1);
    machine.append(1..=3, 1);
    machine.append(4..=4, 2);
    machine.run();
    assert!(!machine.state.skip(Position(2), machine.now), "that one only waits");
    assert!(machine.state.skip(Position(1), machine.now));
    machine.run();
    assert_eq!((machine.dead(), machine.taken.as_slice()), (1, [4, 2, 3].as_slice()));
    assert_eq!(machine.durable.dead.len(), 1);
}

#[test]
fn an_entry_that_brings_a_proxy_down_can_be_given_up_though_it_is_no_poison() {
    for parallel in [1, 4] {
        let mut machine = Machine::with_lanes(parallel);
        machine.down = Some(held());
        machine.append(1..=3, 1);
        machine.run();
        assert!(machine.state.skip(Position(2), machine.now));
        machine.down = None;
        machine.run_for(MINUTE);
        assert_eq!((machine.dead(), machine.taken.as_slice()), (1, [1, 3].as_slice()));
        assert!(machine.durable.lanes.is_empty() && machine.durable.cursor == 3);
        let mut machine = machine.restarted();
        machine.run_for(MINUTE);
        assert!(machine.taken.is_empty());
    }
}

/// One that was away for ten minutes is there again, just after a try.
fn back_again() -> Machine {
    let mut machine = Machine::at_rest();
    machine.down = Some(held());
    machine.append(1..=1, 1);
    machine.run_for(10 * MINUTE);
    machine.now = machine.run().expect("held");
    let until = machine.run().expect("held");
    assert!(until - machine.now > MINUTE / 2, "the next try comes too soon for this");
    machine.down = None;
    machine
}

#[test]
fn a_destination_that_was_away_is_told_when_it_has_made_no_request_for_a_while() {
    let mut machine = back_again();
    assert!(machine.state.alive(machine.now));
    for _ in 0..2 {
        machine.run_for(Duration::from_millis(250));
        assert!(machine.taken.is_empty(), "it is still starting");
        machine.state.alive(machine.now);
    }
    machine.run_for(Duration::from_millis(400));
    assert_eq!(machine.taken, [1]);
}

#[test]
fn a_destination_that_calls_all_the_time_is_told_after_a_second() {
    let mut machine = back_again();
    for _ in 0..9 {
        machine.state.alive(machine.now);
        machine.run_for(Duration::from_millis(100));
        assert!(machine.taken.is_empty(), "it is still starting");
    }
    machine.state.alive(machine.now);
    machine.run_for(Duration::from_millis(100));
    assert_eq!(machine.taken, [1]);
}

#[test]
fn what_is_tried_in_vain_after_a_call_is_tried_again_after_the_next() {
    let mut machine = back_again();
    machine.down = Some(held());
    machine.state.alive(machine.now);
    machine.run_for(Duration::from_secs(1));
    machine.down = None;
    machine.state.answering(machine.now);
    machine.run_for(Duration::from_millis(400));
    assert_eq!(machine.taken, [1]);
}
