//! Messages to devices: before events, in order, under one id until they are taken.

use serde_json::value::RawValue;

use super::*;
use crate::Ephemerals;

/// The messages of a transaction.
pub fn messages(transaction: &Transaction) -> Vec<i64> {
    transaction.to_device.iter().map(|message| message.get().parse().expect("a position")).collect()
}

pub fn after(messages: &[i64], mark: EphemeralMark, limit: usize) -> Ephemerals {
    let mut told = Ephemerals::none(mark);
    let waiting: Vec<i64> = messages.iter().copied().filter(|position| *position > mark.durable.0).collect();
    for position in waiting.iter().take(limit) {
        told.to_device.push(RawValue::from_string(position.to_string()).expect("a number"));
        told.until.durable = Position(*position);
    }
    told.more = waiting.len() > limit;
    told
}

impl Machine {
    fn send(&mut self, positions: std::ops::RangeInclusive<i64>) {
        self.messages.extend(positions);
        self.state.want_devices();
    }
}

#[test]
fn messages_to_devices_go_before_events_that_wait_too() {
    let mut machine = Machine::at_rest();
    machine.down = Some(held());
    machine.append(1..=1, 1);
    machine.run();
    machine.append(2..=250, 1);
    machine.send(1_000..=1_149);
    machine.down = None;
    machine.state.life();
    machine.run_for(MINUTE);
    assert_eq!(machine.told, (1_000..=1_149).collect::<Vec<_>>());
    assert_eq!(machine.taken, (1..=250).collect::<Vec<_>>());
    let first = machine.tried.values().find(|positions| positions.contains(&1_000)).expect("a transaction");
    assert_eq!(first.len(), 100, "no events are in it");
}

#[test]
fn an_outage_repeats_messages_under_the_same_id() {
    let mut machine = Machine::at_rest();
    machine.down = Some(held());
    machine.send(1..=3);
    machine.run_for(MINUTE);
    machine.send(4..=5);
    machine.run_for(10 * MINUTE);
    assert_eq!(machine.tried.len(), 1, "{:?}", machine.tried);
    machine.down = None;
    machine.state.life();
    machine.run_for(MINUTE);
    assert_eq!(machine.told, [1, 2, 3, 4, 5]);
    assert_eq!(machine.tried.len(), 2);
}

#[test]
fn a_refused_message_holds_up_no_events_and_is_given_up_alone() {
    let mut machine = Machine::at_rest();
    machine.poison.insert(1_003);
    machine.send(1_000..=1_007);
    machine.append(1..=10, 1);
    machine.run();
    assert_eq!(machine.taken, (1..=10).collect::<Vec<_>>());
    for position in 11..=100 {
        machine.append(position..=position, 1);
        machine.run_for(MINUTE);
    }
    let others: Vec<i64> = (1_000..=1_007).filter(|position| *position != 1_003).collect();
    assert_eq!(machine.told, others);
}

#[test]
fn messages_are_never_given_up_while_nothing_is_taken() {
    let mut machine = Machine::at_rest();
    machine.poison.extend(1_000..=1_002);
    machine.send(1_000..=1_002);
    machine.run_for(60 * MINUTE);
    machine.poison.clear();
    machine.run_for(2 * MINUTE);
    assert_eq!(machine.told, [1_000, 1_001, 1_002]);
}

#[test]
fn what_goes_with_the_mark_is_written_before_anything_is_prepared() {
    let mut machine = Machine::at_rest();
    machine.state.want_devices();
    let Next::Ask(mark, limit) = machine.state.next(machine.now, Position(0), &machine.timing) else {
        panic!("no question")
    };
    let mut told = after(&[7], mark, limit);
    told.when_taken.push(Statement::new("delete", Vec::new()));
    machine.state.told(told, "p");
    let Next::Deliver(way, transaction) = machine.state.next(machine.now, Position(0), &machine.timing) else {
        panic!("no delivery")
    };
    drop(transaction);
    let taken = Delivered::Taken { pending: Vec::new() };
    machine.state.answered(way, &taken, Duration::ZERO, machine.now, &machine.timing);
    assert!(machine.state.prepare(vec![EventNid(1)]).is_none(), "the mark would be written without it");
    let written = loop {
        match machine.state.next(machine.now, Position(0), &machine.timing) {
            Next::Ask(mark, _) => machine.state.told(Ephemerals::none(mark), "p"),
            Next::Write(statements) => break statements,
            _ => panic!("no write"),
        }
    };
    assert_eq!(written.iter().filter(|statement| statement.sql == "delete").count(), 1);
    assert_eq!(written.len(), 2, "with the mark");
    machine.state.written();
    assert!(machine.state.prepare(vec![EventNid(1)]).is_some());
}
