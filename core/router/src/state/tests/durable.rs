//! What a database would have of a destination: the router's statements, carried out.

use causeway_store::{DeadLetter, Value};

use super::*;

#[derive(Clone, Default)]
pub struct Durable {
    pub serial: u64,
    pub cursor: i64,
    pub flight: u64,
    pub in_flight: Option<Vec<i64>>,
    pub lanes: BTreeMap<i64, LaneRow>,
    pub exceptions: BTreeMap<i64, Exception>,
    pub dead: BTreeMap<i64, DeadLetter>,
}

fn int(value: &Value) -> i64 {
    match value {
        Value::Int(value) => *value,
        Value::Null => 0,
        other => panic!("no integer: {other:?}"),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn list(value: &Value) -> Option<Vec<i64>> {
    text(value).map(|text| serde_json::from_str(&text).expect("a list of integers"))
}

impl Durable {
    pub fn carry_out(&mut self, statements: &[Statement]) {
        for statement in statements {
            let Statement { sql, args, .. } = statement;
            if sql.is_empty() {
                self.move_cursor(args);
                continue;
            }
            let ints = || args.iter().map(|value| if let Value::Int(value) = value { *value } else { 0 });
            let ints: Vec<i64> = ints().collect();
            if sql.starts_with("insert into lanes") {
                let row = LaneRow {
                    room: RoomNid(ints[1]),
                    epoch: text(&args[2]),
                    cursor: Position(ints[3]),
                    until: (args[4] != Value::Null).then_some(Position(ints[4])),
                    flight: ints[5] as u64,
                    in_flight: list(&args[6]).map(|list| list.into_iter().map(EventNid).collect()),
                    attempts: ints[7] as u32,
                    reason: text(&args[8]).unwrap_or_default(),
                    since: ints[9],
                };
                self.lanes.insert(ints[1], row);
            } else if sql.starts_with("delete from lanes") {
                self.lanes.remove(&ints[1]);
            } else if sql.starts_with("insert into exceptions") {
                let kind = match text(&args[4]).as_deref() {
                    Some("pending") => ExceptionKind::Pending,
                    Some("split") => ExceptionKind::Split,
                    _ => ExceptionKind::Late,
                };
                let row = Exception {
                    position: Position(ints[1]),
                    event: EventNid(ints[2]),
                    room: RoomNid(ints[3]),
                    kind,
                    reason: text(&args[5]).unwrap_or_default(),
                    attempts: ints[6] as u32,
                    since: ints[7],
                };
                self.exceptions.insert(ints[1], row);
            } else if sql.starts_with("delete from exceptions") {
                self.exceptions.remove(&ints[1]);
            } else if sql.starts_with("insert into dead_letters") {
                let row = DeadLetter {
                    position: Position(ints[1]),
                    event: EventNid(ints[2]),
                    room: RoomNid(ints[3]),
                    reason: text(&args[4]).unwrap_or_default(),
                    attempts: ints[5] as u32,
                    since: ints[6],
                    died: ints[7],
                };
                self.dead.insert(ints[1], row);
            } else if sql.starts_with("delete from dead_letters") {
                self.dead.remove(&ints[1]);
            } else {
                panic!("the simulation does not know {sql}");
            }
        }
    }

    /// The one table whose rows a group writes all at once.
    fn move_cursor(&mut self, args: &[Value]) {
        let serial = int(&args[1]) as u64;
        if serial >= self.serial {
            self.serial = serial;
            self.cursor = int(&args[2]);
            self.in_flight = list(&args[4]);
            self.flight = int(&args[5]) as u64;
        }
    }

    /// What the next process reads; the same rules as in `restore`.
    pub fn stored(&self, log: &[Arc<Entry>]) -> Stored {
        let load = |nids: &[i64]| -> Vec<Arc<Entry>> {
            log.iter().filter(|entry| nids.contains(&entry.nid.0)).cloned().collect()
        };
        let mut interrupted = Vec::new();
        for (room, lane) in &self.lanes {
            let way = if *room == 0 { Way::Replay } else { Way::Lane(RoomNid(*room)) };
            let nids = lane.in_flight.iter().flatten().map(|nid| nid.0).collect::<Vec<_>>();
            if !nids.is_empty() {
                interrupted.push(Interrupted { way, serial: lane.flight, entries: load(&nids) });
            }
        }
        if let Some(nids) = &self.in_flight {
            let entries = load(nids);
            let positions: Vec<i64> = entries.iter().map(|entry| entry.position.0).collect();
            let last = *positions.last().expect("recorded with entries");
            let others = log.iter().filter(|entry| entry.position.0 > self.cursor && entry.position.0 <= last);
            let others = others.filter(|entry| {
                !self.lanes.contains_key(&entry.room_nid.0) && !self.dead.contains_key(&entry.position.0)
            });
            if positions.iter().all(|position| self.exceptions.contains_key(position)) {
                interrupted.push(Interrupted { way: Way::Exceptions, serial: self.flight, entries });
            } else if positions[0] > self.cursor && others.count() == entries.len() {
                interrupted.push(Interrupted { way: Way::Log, serial: self.flight, entries });
            }
        }
        Stored {
            row: DestinationRow { serial: self.serial, cursor: Position(self.cursor), ..row() },
            lanes: self.lanes.values().cloned().collect(),
            exceptions: self.exceptions.values().cloned().collect(),
            dead_letters: self.dead.keys().map(|position| Position(*position)).collect(),
            interrupted,
        }
    }
}
