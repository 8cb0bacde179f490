//! Random traffic, poison, silence, outages, slow rooms and crashes, from seeds; then the guarantees are checked.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

/// Entries by transaction id, of those that were taken.
type Taken = BTreeMap<i64, BTreeSet<String>>;

struct Simulation {
    machine: Machine,
    random: StdRng,
    next: i64,
    taken: Vec<i64>,
    ids: Taken,
    /// dead letters that were tried again: they come late
    late: HashSet<i64>,
    crashes: usize,
}

impl Simulation {
    fn new(seed: u64, parallel: usize) -> Self {
        let machine = Machine::of(stored(row()), parallel);
        let random = StdRng::seed_from_u64(seed);
        Self { machine, random, next: 1, taken: Vec::new(), ids: BTreeMap::new(), late: HashSet::new(), crashes: 0 }
    }

    /// New entries, now and then recorded in their own commit.
    fn talk(&mut self) {
        let room = self.random.random_range(1..6);
        let count = self.random.random_range(1..4);
        let (first, last) = (self.next, self.next + count - 1);
        let nids: Vec<EventNid> = (first..=last).map(|position| EventNid(position + 1000)).collect();
        let prepared = if self.random.random_bool(0.7) { self.machine.state.prepare(nids) } else { None };
        let withdrawn = prepared.is_some() && self.random.random_bool(0.1);
        // somebody else's event comes between
        let between = prepared.is_some() && self.random.random_bool(0.2);
        if between {
            self.machine.append(first..=first, 9);
            self.next += 1;
        }
        let Some((serial, statement)) = prepared else {
            self.machine.append(self.next..=self.next + count - 1, room);
            self.next += count;
            return;
        };
        if withdrawn {
            self.machine.state.prepared_withdrawn(serial);
            return;
        }
        // the numbers of events are given before their positions
        let entries: Vec<Arc<Entry>> = (0..count)
            .map(|index| {
                let nid = EventNid(first + index + 1000);
                Arc::new(Entry { nid, ..Entry::clone(&entry(self.next + index, room)) })
            })
            .collect();
        self.next += count;
        if between {
            let other = self.machine.log.pop().expect("appended above");
            self.machine.state.inbox.pop_back();
            let other = Arc::new(Entry { nid: EventNid(other.nid.0 + 1_000_000), ..Entry::clone(&other) });
            self.machine.log.push(Arc::clone(&other));
            self.machine.state.push(&[other]);
        }
        self.machine.durable.carry_out(&[statement]);
        self.machine.log.extend(entries.iter().cloned());
        if self.random.random_bool(0.1) {
            // the process ends between the commit and its announcement
            return self.crash();
        }
        self.machine.state.push(&entries);
        let last = entries.last().expect("one at least").position;
        self.machine.state.prepared_committed(serial, last);
    }

    /// Tries a dead letter again, as [`crate::Router::retry`] does.
    fn retry(&mut self) {
        let Some(letter) = self.machine.durable.dead.values().next().cloned() else { return };
        let late = crate::inspect::late(letter);
        self.late.insert(late.position.0);
        self.machine.durable.dead.remove(&late.position.0);
        self.machine.durable.exceptions.insert(late.position.0, late.clone());
        self.machine.state.reopen(&late, self.machine.now);
    }

    fn crash(&mut self) {
        self.crashes += 1;
        self.gather();
        let old = &self.machine;
        let mut machine = Machine::of(old.durable.stored(&old.log), old.state.parallel);
        machine.log.clone_from(&old.log);
        machine.tried.clone_from(&old.tried);
        machine.durable = old.durable.clone();
        machine.poison.clone_from(&old.poison);
        machine.silent.clone_from(&old.silent);
        machine.slow.clone_from(&old.slow);
        machine.taken_once.clone_from(&old.taken_once);
        machine.refused_later.clone_from(&old.refused_later);
        machine.steps = self.random.random_range(0..60);
        self.machine = machine;
    }

    fn gather(&mut self) {
        self.taken.append(&mut self.machine.taken);
        for (position, id) in std::mem::take(&mut self.machine.taken_ids) {
            self.ids.entry(position).or_default().insert(id);
        }
    }

    fn act(&mut self) {
        match self.random.random_range(0..24) {
            0 => {
                let position = self.next + self.random.random_range(0..3);
                self.machine.poison.insert(position);
            }
            1 => {
                let position = self.next + self.random.random_range(0..3);
                self.machine.silent.insert(position);
            }
            2 => self.machine.down = Some(held()),
            3 => self.machine.down = Some(Delivered::Unanswered { reason: "?".into(), alive: false }),
            4 => self.machine.down = Some(Delivered::Unanswered { reason: "?".into(), alive: true }),
            5 | 6 => self.machine.down = None,
            7 => {
                self.machine.slow.insert(self.random.random_range(1..6));
            }
            8 => self.machine.release(),
            9 => return self.crash(),
            10 => self.machine.state.fall_behind(),
            11 => self.machine.state.returned(self.machine.now),
            12 => self.retry(),
            13 => {
                let rooms = if self.machine.state.parallel > 1 { 1 } else { self.random.random_range(1..4) };
                self.machine.state.set_destination(100, rooms, self.machine.now);
            }
            _ => self.talk(),
        }
        // A process may end between any two steps of its worker.
        self.machine.steps = self.random.random_range(0..40);
        self.machine.run_some();
        let seconds = self.random.random_range(0..5);
        self.machine.now += Duration::from_secs(seconds);
    }

    /// Everything is mended, and other rooms go on: what is not a dead letter is taken.
    fn finish(&mut self) {
        self.machine.down = None;
        let next = self.next;
        self.machine.poison.retain(|position| *position < next);
        self.machine.silent.retain(|position| *position < next);
        self.machine.steps = usize::MAX;
        self.machine.release();
        for _ in 0..200 {
            self.machine.append(self.next..=self.next, 7);
            self.next += 1;
            self.machine.run_for(MINUTE);
            if self.machine.state.in_memory() == 0 && self.machine.state.is_written() {
                break;
            }
        }
        self.gather();
    }

    fn check(&self, seed: u64) {
        let dead = &self.machine.state.dead_letters;
        let durable: BTreeSet<Position> =
            self.machine.durable.dead.keys().map(|position| Position(*position)).collect();
        assert_eq!(*dead, durable, "seed {seed}: dead letters on disk");
        for position in dead {
            let fails = self.machine.poison.contains(&position.0) || self.machine.silent.contains(&position.0);
            assert!(fails, "seed {seed}: {position:?} is a dead letter without fault");
        }
        let mut rooms: BTreeMap<i64, i64> = BTreeMap::new();
        let mut seen = HashSet::new();
        for position in self.taken.iter().filter(|position| seen.insert(**position)) {
            if self.late.contains(position) {
                continue;
            }
            let entry = self.machine.log.iter().find(|entry| entry.position.0 == *position).expect("of the log");
            let before = rooms.insert(entry.room_nid.0, *position).unwrap_or(0);
            assert!(before < *position, "seed {seed}: {position} came after {before} in its room");
        }
        for entry in &self.machine.log {
            let position = entry.position.0;
            let is_dead = dead.contains(&entry.position);
            assert!(
                is_dead || seen.contains(&position),
                "seed {seed}: {position} is lost; poison {}, silent {}, cursor {:?}, {:?}",
                self.machine.poison.contains(&position),
                self.machine.silent.contains(&position),
                self.machine.state.cursor(),
                self.machine.state.lanes().map(|lane| (lane.first.map(|f| f.0), lane.attempts)).collect::<Vec<_>>(),
            );
            let ids = self.ids.get(&position).map_or(0, BTreeSet::len);
            let may_double = self.machine.refused_later.contains(&position);
            assert!(ids <= 1 || may_double, "seed {seed}: {position} was taken under {:?}", self.ids[&position]);
        }
        assert_eq!(self.machine.state.in_memory(), 0, "seed {seed}");
        assert!(self.machine.durable.lanes.is_empty(), "seed {seed}: {:?}", self.machine.durable.lanes);
        assert!(self.machine.durable.in_flight.is_none(), "seed {seed}");
    }
}

fn simulate(seed: u64, parallel: usize) -> usize {
    let mut simulation = Simulation::new(seed, parallel);
    for _ in 0..120 {
        simulation.act();
    }
    simulation.finish();
    simulation.check(seed);
    simulation.crashes
}

#[test]
fn nothing_is_lost_doubled_or_out_of_order_one_after_the_other() {
    let crashes: usize = (0..250).map(|seed| simulate(seed, 1)).sum();
    assert!(crashes > 300, "only {crashes} crashes");
}

#[test]
fn nothing_is_lost_doubled_or_out_of_order_side_by_side() {
    for parallel in [2, 3, 16] {
        let crashes: usize = (0..80).map(|seed| simulate(seed, parallel)).sum();
        assert!(crashes > 300, "only {crashes} crashes");
    }
}
