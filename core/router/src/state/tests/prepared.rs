//! Transactions that are recorded in the commit of their own events.

use super::*;

#[test]
fn a_prepared_delivery_goes_out_without_a_record_of_its_own() {
    let mut machine = Machine::at_rest();
    let (serial, _) = machine.state.prepare(vec![EventNid(1001)]).expect("it is at rest");
    machine.append(1..=1, 1);
    machine.state.prepared_committed(serial, Position(1));
    machine.run();
    assert_eq!((machine.taken.as_slice(), machine.writes), ([1].as_slice(), 0));
    assert!(machine.tried.contains_key("e-1"));
}

#[test]
fn a_prepared_delivery_waits_for_its_commit_and_gives_way_to_entries_before_it() {
    let mut machine = Machine::at_rest();
    let (serial, _) = machine.state.prepare(vec![EventNid(1002)]).expect("it is at rest");
    assert!(machine.state.prepare(vec![EventNid(1003)]).is_none(), "one at a time");
    machine.append(1..=1, 7);
    assert!(machine.run().is_some(), "it waits");
    assert_eq!(machine.transactions, 0);
    machine.append(2..=2, 1);
    machine.state.prepared_committed(serial, Position(2));
    machine.run();
    assert_eq!(machine.taken, [1, 2]);
    assert!(!machine.tried.contains_key("e-1"), "the prepared id stays unused");
}

#[test]
fn a_withdrawn_delivery_burns_its_id() {
    let mut machine = Machine::at_rest();
    let (serial, _) = machine.state.prepare(vec![EventNid(1001)]).expect("it is at rest");
    machine.state.prepared_withdrawn(serial);
    machine.append(2..=2, 1);
    machine.run();
    assert_eq!(machine.tried.keys().collect::<Vec<_>>(), ["e-2"]);
}
