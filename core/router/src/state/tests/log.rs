//! The log in order: batches, pages, pauses.

use super::*;
use crate::DeliveryState;

#[test]
fn entries_are_taken_in_log_order_in_full_batches() {
    let mut machine = Machine::new();
    machine.append(1..=250, 1);
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, (1..=250).collect::<Vec<_>>());
    assert_eq!(machine.transactions, 3);
}

#[test]
fn an_idle_destination_writes_its_cursor_once_and_rests() {
    let mut machine = Machine::at_rest();
    machine.append(1..=1, 1);
    let until = machine.run().expect("the cursor lingers");
    assert_eq!(machine.writes, 1, "only the record so far");
    machine.now = until;
    assert_eq!(machine.run(), None);
    assert_eq!(machine.writes, 2);
    machine.run_for(MINUTE);
    assert_eq!((machine.writes, machine.transactions), (2, 1));
}

#[test]
fn whoever_overflows_its_inbox_reads_the_log_and_misses_nothing() {
    let mut machine = Machine::at_rest();
    machine.down = Some(held());
    machine.append(1..=1, 1);
    machine.run();
    machine.append(2..=5_000, 1);
    machine.down = None;
    machine.run_for(2 * MINUTE);
    assert_eq!(machine.taken, (1..=5_000).collect::<Vec<_>>());
    assert!(machine.reads > 5 && machine.state.in_memory() == 0);
}

#[test]
fn whoever_catches_up_leaves_room_for_others_while_the_log_grows() {
    let mut machine = Machine::new();
    machine.append(1..=10_000, 1);
    let begun = machine.now;
    for position in 1..=30 {
        machine.state.courtesy.sees(Position(position), machine.now);
        machine.run();
        machine.now += Duration::from_millis(20);
    }
    assert_eq!(machine.taken.len(), 3_000, "one full transaction each 20 ms");
    // nothing new any more: as fast as it is taken
    while machine.now < begun + Duration::from_millis(710) {
        machine.run();
        machine.now += Duration::from_millis(10);
    }
    machine.run();
    assert_eq!(machine.taken, (1..=10_000).collect::<Vec<_>>());
}

#[test]
fn what_arrives_while_the_log_is_read_is_taken_once() {
    let mut machine = Machine::new();
    machine.append(1..=10, 1);
    let Next::Ask(mark, _) = machine.state.next(machine.now, Position(0), &machine.timing) else {
        panic!("no question")
    };
    machine.state.told(crate::Ephemerals::none(mark), "p");
    let Next::Read(Reading::Log(stretch)) = machine.state.next(machine.now, Position(0), &machine.timing) else {
        panic!("no read")
    };
    machine.append(11..=20, 1);
    // the read sees some of them already
    let page = machine.log.iter().filter(|entry| entry.position > stretch.after).take(15).cloned().collect();
    machine.state.page(page);
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, (1..=20).collect::<Vec<_>>());
}

#[test]
fn only_a_destination_at_rest_moves_its_cursor_along_with_the_log() {
    let mut machine = Machine::at_rest();
    assert!(machine.state.catch_up(Position(500)).is_some());
    assert!(machine.state.catch_up(Position(500)).is_none(), "it is there already");
    machine.append(501..=501, 1);
    assert!(machine.state.catch_up(Position(600)).is_none(), "it has something to take");
    machine.run_for(MINUTE);
    assert_eq!((machine.taken.as_slice(), machine.state.cursor()), ([501].as_slice(), Position(501)));
}

#[test]
fn a_paused_destination_takes_nothing_until_it_is_resumed() {
    let mut machine = Machine::at_rest();
    machine.state.paused = true;
    machine.append(1..=600, 1);
    assert_eq!(machine.run(), None);
    assert_eq!(machine.transactions, 0);
    machine.state.paused = false;
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, (1..=600).collect::<Vec<_>>());
}

#[test]
fn the_interrupted_transaction_is_repeated_under_its_id_after_a_restart() {
    let mut machine = Machine::new();
    machine.append(1..=5, 1);
    machine.durable.serial = 9;
    machine.durable.flight = 9;
    machine.durable.in_flight = Some(vec![1001, 1002]);
    let mut machine = machine.restarted();
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, [1, 2, 3, 4, 5]);
    assert_eq!(machine.tried["e-9"], [1, 2]);
}

#[test]
fn a_recorded_transaction_that_has_not_all_that_comes_next_was_never_sent() {
    let mut machine = Machine::new();
    machine.append(1..=1, 7);
    machine.append(2..=2, 1);
    // entry 2 was prepared, and entry 1 of somebody else was committed before it
    machine.durable.serial = 9;
    machine.durable.flight = 9;
    machine.durable.in_flight = Some(vec![1002]);
    let mut machine = machine.restarted();
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, [1, 2]);
    assert!(!machine.tried.contains_key("e-9"));
}

#[test]
fn batches_are_full_whatever_the_size_of_pages() {
    let mut machine = Machine::at_rest();
    machine.down = Some(held());
    machine.append(1..=1, 1);
    machine.run();
    machine.append(2..=3_001, 1);
    machine.poison.insert(2);
    machine.down = None;
    machine.state.returned(machine.now);
    let before = machine.transactions;
    machine.run_for(MINUTE);
    machine.poison.clear();
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, (1..=3_001).collect::<Vec<_>>());
    assert!(machine.transactions - before < 60, "{} transactions", machine.transactions - before);
}

#[test]
fn what_takes_long_is_sent_in_smaller_transactions() {
    let mut machine = Machine::at_rest();
    machine.append(1..=300, 1);
    for expected in [100, 5, 10] {
        let (way, transaction) = loop {
            match machine.state.next(machine.now, Position(0), &machine.timing) {
                Next::Deliver(way, transaction) => break (way, transaction),
                Next::Write(_) => machine.state.written(),
                _ => panic!("nothing to deliver"),
            }
        };
        assert_eq!(transaction.entries.len(), expected);
        drop(transaction);
        let taken = Delivered::Taken { pending: Vec::new() };
        let took = if expected == 5 { Duration::from_millis(1) } else { Duration::from_secs(200) };
        machine.state.answered(way, &taken, took, machine.now, &machine.timing);
    }
}

/// What is remembered of them is for eyes only: an id is never given to other entries, however long ago it was used. The
/// machine checks that of every transaction, over restarts too.
#[test]
fn of_the_last_transactions_the_ids_are_shown_and_none_is_ever_used_again() {
    let mut machine = Machine::at_rest();
    for position in 1..=200 {
        machine.append(position..=position, 1);
        machine.run();
        if position % 50 == 0 {
            machine.run_for(MINUTE);
            machine = machine.restarted();
        }
        if position == 120 {
            let shown = |position| machine.state.delivery_of(Position(position), RoomNid(1));
            let states = [101, 120].map(|position| (shown(position).state, shown(position).txn_id.is_some()));
            assert_eq!(states, [(DeliveryState::Bridge, true); 2]);
            assert_eq!(shown(100).txn_id, None, "of the process before");
        }
    }
    machine.run_for(MINUTE);
    assert_eq!(machine.tried.len(), 200, "one id each");
    let mut machine = Machine::at_rest();
    for position in 1..=70 {
        machine.append(position..=position, 1);
        machine.run();
    }
    let shown = [6, 7, 70].map(|position| machine.state.delivery_of(Position(position), RoomNid(1)).txn_id.is_some());
    assert_eq!(shown, [false, true, true], "of the last 64");
}

#[test]
fn what_is_owed_is_what_waits_anywhere_and_nothing_else() {
    let mut machine = Machine::at_rest();
    machine.append(1..=2, 1);
    machine.run();
    machine.pending = true;
    machine.append(3..=3, 1);
    machine.run();
    machine.down = Some(held());
    machine.append(4..=9, 2);
    machine.run();
    machine.state.fall_behind();
    let within = Stretch { after: Position(0), until: Position(8) };
    let owed = machine.state.owed(within);
    assert_eq!(owed.exceptions, [EventNid(1003)]);
    assert_eq!(owed.log, Some(Stretch { after: machine.state.read, until: Position(8) }));
    let mut waiting: Vec<i64> = owed.entries.iter().map(|entry| entry.position.0).collect();
    waiting.dedup();
    assert!(waiting.first() == Some(&4) && waiting.last() <= Some(&8), "{waiting:?}");
    let open = (1..=9).filter(|position| machine.state.is_open(Position(*position), entry(*position, 2).room_nid));
    assert_eq!(open.collect::<Vec<_>>(), (3..=9).collect::<Vec<_>>());
    machine.state.lapse(Position(9), machine.now);
    assert!(!machine.state.is_open(Position(9), RoomNid(2)), "it has lapsed");
}
