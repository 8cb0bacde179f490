//! The state machine alone: a log in memory, a destination that answers as told, a clock that only the test moves.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use causeway_store::{EntryKind, InterestNid, Place, RoomNid};

use super::*;
use crate::{Delivered, Settled};

mod devices;

struct Machine {
    state: State,
    log: Vec<Arc<Entry>>,
    now: Instant,
    timing: Timing,
    /// bodies (here: event ids) that fail
    poison: HashSet<i64>,
    down: bool,
    pending: bool,
    taken: Vec<i64>,
    tried: HashMap<String, Vec<i64>>,
    transactions: usize,
    writes: usize,
    reads: usize,
    /// messages to devices by position, and those that came
    messages: Vec<i64>,
    told: Vec<i64>,
}

fn entry(position: i64, room: i64) -> Arc<Entry> {
    Arc::new(Entry {
        position: Position(position),
        place: Place(position),
        nid: EventNid(position + 1000),
        room_nid: RoomNid(room),
        kind: EntryKind::Live,
        room_id: format!("!{room}").into(),
        event_id: format!("${position}").into(),
        sender: "@a:h".into(),
        event_type: "m.room.message".into(),
        state_key: None,
        origin_server_ts: 0,
        interest: InterestNid(1),
        quiet: false,
        transaction: None,
        json: "{}".into(),
    })
}

impl Machine {
    fn new() -> Self {
        let row = DestinationRow {
            nid: DestinationNid(1),
            id: "appservice:a".to_owned(),
            epoch: "e".to_owned(),
            serial: 0,
            cursor: Position(0),
            receipts: Position(0),
            in_flight: None,
            paused: false,
            removed: false,
        };
        Self {
            state: State::restore(row, Vec::new(), 0, 100),
            log: Vec::new(),
            now: Instant::now(),
            timing: Timing::default(),
            poison: HashSet::new(),
            down: false,
            pending: false,
            taken: Vec::new(),
            tried: HashMap::new(),
            transactions: 0,
            writes: 0,
            reads: 0,
            messages: Vec::new(),
            told: Vec::new(),
        }
    }

    /// One that stands at the head and has nothing to do.
    fn at_rest() -> Self {
        let mut machine = Self::new();
        machine.run();
        machine
    }

    fn append(&mut self, positions: std::ops::RangeInclusive<i64>, room: i64) {
        let entries: Vec<_> = positions.map(|position| entry(position, room)).collect();
        self.log.extend(entries.iter().cloned());
        for entry in entries {
            self.state.push(&[entry]);
        }
    }

    fn answer(&mut self, transaction: &Transaction) -> Delivered {
        self.transactions += 1;
        let messages = devices::messages(transaction);
        let entries = transaction.entries.iter().map(|entry| entry.position.0);
        let positions: Vec<i64> = entries.chain(messages.iter().copied()).collect();
        let first = self.tried.entry(transaction.id.clone()).or_insert_with(|| positions.clone());
        assert_eq!(*first, positions, "a transaction id came with other events");
        if self.down {
            return Delivered::Held { reason: "down".to_owned(), retry_after: None };
        }
        if positions.iter().any(|position| self.poison.contains(position)) {
            return Delivered::Failed { reason: "poison".to_owned() };
        }
        self.taken.extend(positions.iter().filter(|position| !messages.contains(position)));
        self.told.extend(messages);
        let pending = if self.pending { positions.into_iter().map(Position).collect() } else { Vec::new() };
        Delivered::Taken { pending }
    }

    /// Runs until there is nothing to do before a later moment; that moment is the answer.
    fn run(&mut self) -> Option<Instant> {
        for _ in 0..10_000 {
            match self.state.next(self.now, Position(0), &self.timing) {
                Next::Deliver(transaction) => {
                    let answer = self.answer(&transaction);
                    drop(transaction);
                    self.state.answered(&answer, self.now, &self.timing);
                }
                Next::Write(statements) => {
                    assert!(!statements.is_empty());
                    self.writes += 1;
                    self.state.written();
                }
                Next::Complete(_) => self.state.completed(Vec::new()),
                Next::Load(events) => {
                    let entries = self.log.iter().filter(|entry| events.contains(&entry.nid)).cloned().collect();
                    self.state.loaded(entries);
                }
                Next::Read(after) => {
                    self.reads += 1;
                    let page = self.log.iter().filter(|entry| entry.position > after).take(PAGE).cloned().collect();
                    self.state.page(page);
                }
                Next::Ask(mark, limit) => self.state.told(devices::after(&self.messages, mark, limit), "p"),
                Next::Sleep(until) => {
                    assert!(until > self.now, "a sleep into the past");
                    return Some(until);
                }
                Next::Rest => return None,
            }
        }
        panic!("the machine does not come to rest");
    }

    /// Moves the clock from one moment of work to the next, for so long.
    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(until) = self.run() {
            if until > end {
                break;
            }
            self.now = until;
        }
        self.now = end;
        self.run();
    }
}

const MINUTE: Duration = Duration::from_secs(60);

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
    machine.down = true;
    machine.append(1..=1, 1);
    machine.run();
    machine.append(2..=5_000, 1);
    machine.down = false;
    machine.run_for(2 * MINUTE);
    assert_eq!(machine.taken, (1..=5_000).collect::<Vec<_>>());
    assert!(machine.reads > 5 && machine.state.in_memory() == 0);
}

#[test]
fn what_arrives_while_the_log_is_read_is_taken_once() {
    let mut machine = Machine::new();
    machine.append(1..=10, 1);
    let Next::Ask(mark, _) = machine.state.next(machine.now, Position(0), &machine.timing) else {
        panic!("no question")
    };
    machine.state.told(crate::Ephemerals::none(mark), "p");
    let Next::Read(after) = machine.state.next(machine.now, Position(0), &machine.timing) else { panic!("no read") };
    machine.append(11..=20, 1);
    // the read sees some of them already
    let page = machine.log.iter().filter(|entry| entry.position > after).take(15).cloned().collect();
    machine.state.page(page);
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, (1..=20).collect::<Vec<_>>());
}

#[test]
fn an_outage_repeats_the_same_transaction_and_buries_nobody() {
    let mut machine = Machine::at_rest();
    machine.append(1..=3, 1);
    machine.down = true;
    machine.run_for(60 * MINUTE);
    assert_eq!(machine.tried.len(), 1);
    assert!((60..80).contains(&machine.transactions), "{} tries in an hour", machine.transactions);
    assert_eq!(machine.state.dead_letters, 0);
    machine.down = false;
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
    assert_eq!(machine.state.dead_letters, 1);
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
    assert_eq!((machine.state.dead_letters, machine.taken.len()), (0, 0));
    machine.append(6..=6, 2);
    machine.run_for(5 * MINUTE);
    assert_eq!(machine.state.dead_letters, 1);
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
    assert_eq!(machine.state.dead_letters, 0);
    machine.poison.clear();
    machine.state.life();
    machine.run_for(5 * MINUTE);
    let mut taken = machine.taken.clone();
    taken.sort_unstable();
    assert_eq!(taken, (1..=200).collect::<Vec<_>>());
    assert_eq!(machine.state.dead_letters, 0);
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
    let Next::Deliver(transaction) = machine.state.next(machine.now, Position(0), &machine.timing) else {
        panic!("no delivery")
    };
    assert!(machine.state.settle(Position(1), &Settled::Done, machine.now, &machine.timing));
    drop(transaction);
    let answer = Delivered::Taken { pending: vec![Position(1)] };
    machine.state.answered(&answer, machine.now, &machine.timing);
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
    let row = machine.state.exceptions().next().expect("it is pending").clone();
    assert!(machine.state.settle(Position(1), &refused, machine.now, &machine.timing));
    assert_eq!(machine.state.dead_letters, 1);
    machine.pending = false;
    machine.state.retry(Exception { kind: ExceptionKind::Split, attempts: 0, ..row });
    machine.run_for(MINUTE);
    assert_eq!((machine.taken.as_slice(), machine.state.dead_letters), ([1, 1].as_slice(), 0));
}

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

#[test]
fn the_interrupted_transaction_is_repeated_under_its_id_after_a_restart() {
    let mut machine = Machine::new();
    machine.append(1..=5, 1);
    let row = DestinationRow {
        nid: DestinationNid(1),
        id: "appservice:a".to_owned(),
        epoch: "e".to_owned(),
        serial: 9,
        cursor: Position(0),
        receipts: Position(0),
        in_flight: Some(vec![EventNid(1001), EventNid(1002)]),
        paused: false,
        removed: false,
    };
    machine.state = State::restore(row, Vec::new(), 0, 100);
    machine.run_for(MINUTE);
    assert_eq!(machine.taken, [1, 2, 3, 4, 5]);
    assert_eq!(machine.tried["e-9"], [1, 2]);
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
fn held_entries_survive_a_restart_and_are_not_taken_twice() {
    let mut machine = Machine::at_rest();
    machine.poison.insert(1);
    machine.append(1..=3, 1);
    machine.append(4..=4, 2);
    machine.run();
    let exceptions: Vec<Exception> = machine.state.exceptions().cloned().collect();
    assert_eq!(exceptions.len(), 3);
    let cursor = machine.state.cursor();
    let row = DestinationRow {
        nid: DestinationNid(1),
        id: "appservice:a".to_owned(),
        epoch: "e".to_owned(),
        serial: 50,
        // not written yet: the held ones are read from the log again
        cursor: Position(cursor.0 - 2),
        receipts: Position(0),
        in_flight: None,
        paused: false,
        removed: false,
    };
    machine.state = State::restore(row, exceptions, 0, 100);
    machine.poison.clear();
    machine.taken.clear();
    machine.run_for(MINUTE);
    let room: Vec<i64> = machine.taken.iter().copied().filter(|position| *position <= 3).collect();
    assert_eq!(room, [1, 2, 3]);
}
