//! The rows of all events of a group, folded by table: one statement a table, written once for both databases.

use std::collections::{BTreeMap, HashMap};

use crate::{Append, Commit, EntryKind, Value, pdu};

/// A statement over many rows: the body reads them from `{v}`, a relation with these columns.
#[derive(Debug)]
pub(crate) struct Table {
    pub columns: &'static [(&'static str, Kind)],
    pub body: &'static str,
    /// Each row must write one: losing is how a member learns that it came too late.
    pub exact: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Bytes,
    /// an offset in the group, to which the position before it is added
    Position,
}

/// Rows of one table, one after the other.
pub(crate) struct Rows {
    pub table: &'static Table,
    pub values: Vec<Value>,
}

impl Rows {
    pub fn len(&self) -> usize {
        self.values.len() / self.table.columns.len()
    }
}

use Kind::{Bytes, Int, Position, Text};

static HEADS: Table = Table {
    columns: &[
        ("nid", Int),
        ("expected", Int),
        ("head", Int),
        ("extremities", Bytes),
        ("depth", Int),
        ("last_place", Int),
        ("last_position", Position),
        ("state", Int),
    ],
    body: "update rooms set head = v.head, extremities = v.extremities, depth = v.depth, last_place = v.last_place, \
        last_position = coalesce(v.last_position, rooms.last_position), state = v.state from {v} as v \
        where rooms.nid = v.nid and rooms.head = v.expected",
    exact: true,
};

static ROOMS: Table = Table {
    columns: &[
        ("nid", Int),
        ("room_id", Text),
        ("version", Text),
        ("head", Int),
        ("extremities", Bytes),
        ("depth", Int),
        ("last_place", Int),
        ("last_position", Position),
        ("state", Int),
    ],
    body: "insert into rooms (nid, room_id, version, head, extremities, depth, last_place, last_position, state) \
        select nid, room_id, version, head, extremities, depth, last_place, last_position, state from {v}",
    exact: false,
};

static EVENTS: Table = Table {
    columns: &[
        ("nid", Int),
        ("event_id", Text),
        ("room", Int),
        ("place", Int),
        ("position", Position),
        ("kind", Int),
        ("depth", Int),
        ("ts", Int),
        ("sender", Int),
        ("state_key", Int),
        ("replaces", Int),
        ("state", Int),
        ("interest", Int),
        ("redacted_by", Int),
        ("quiet", Int),
        ("pdu", Bytes),
    ],
    body: "insert into events (nid, event_id, room, place, position, kind, depth, ts, sender, state_key, replaces, \
        state, interest, redacted_by, quiet, pdu) select nid, event_id, room, place, position, kind, depth, ts, sender, \
        state_key, replaces, state, interest, redacted_by, quiet, pdu from {v}",
    exact: false,
};

static STATES: Table = Table {
    columns: &[("nid", Int), ("state", Bytes)],
    body: "insert into states (nid, state) select nid, state from {v}",
    exact: false,
};

static NODES: Table = Table {
    columns: &[("nid", Int), ("node", Bytes)],
    body: "insert into state_nodes (nid, node) select nid, node from {v}",
    exact: false,
};

static MEMBERSHIPS: Table = Table {
    columns: &[("member", Int), ("room", Int), ("membership", Text), ("event", Int), ("position", Position)],
    body: "insert into memberships (member, room, membership, event, position) \
        select member, room, membership, event, position from {v} where true \
        on conflict (member, room) do update set membership = excluded.membership, event = excluded.event, \
        position = excluded.position",
    exact: false,
};

static EDGES: Table = Table {
    columns: &[("event", Int), ("auth", Int)],
    body: "insert into auth_edges (event, auth) select event, auth from {v}",
    exact: false,
};

static RELATIONS: Table = Table {
    columns: &[
        ("target", Text),
        ("rel_type", Text),
        ("event", Int),
        ("room", Int),
        ("event_type", Text),
        ("sender", Int),
        ("aggregation_key", Text),
    ],
    body: "insert into relations (target, rel_type, event, room, event_type, sender, aggregation_key) \
        select target, rel_type, event, room, event_type, sender, aggregation_key from {v}",
    exact: false,
};

static REDACTIONS: Table = Table {
    columns: &[("nid", Int), ("redacted_by", Int), ("pdu", Bytes)],
    body: "update events set redacted_by = v.redacted_by, pdu = v.pdu from {v} as v where events.nid = v.nid",
    exact: false,
};

static UNRELATED: Table = Table {
    columns: &[("nid", Int)],
    body: "delete from relations where event in (select nid from {v})",
    exact: false,
};

static TRANSACTIONS: Table = Table {
    columns: &[("sender", Int), ("device", Text), ("room", Int), ("txn_id", Text), ("event", Int), ("ts", Int)],
    body: "insert into client_transactions (sender, device, room, txn_id, event, ts) \
        select sender, device, room, txn_id, event, ts from {v} where true on conflict do nothing",
    exact: true,
};

/// All tables, for the test that prepares every statement.
#[cfg(test)]
pub(crate) static ALL: [&Table; 12] = [
    &HEADS,
    &ROOMS,
    &EVENTS,
    &STATES,
    &NODES,
    &MEMBERSHIPS,
    &EDGES,
    &RELATIONS,
    &REDACTIONS,
    &UNRELATED,
    &TRANSACTIONS,
    &crate::transactions::CURSORS,
];

/// A room's head as the group moves it: by all of its members at once.
struct HeadMove<'a> {
    expected: Option<i64>,
    last: &'a Append,
    /// of the newest live event
    last_live: Option<i64>,
}

/// The rows of a group's events. `offsets` is, by member, the group's positions before its first event.
pub(super) fn fold(commits: &[&Commit], offsets: &[i64]) -> Vec<Rows> {
    let mut heads: Vec<HeadMove<'_>> = Vec::new();
    let mut by_room: HashMap<i64, usize> = HashMap::new();
    let mut rows = Builder::default();
    let mut memberships: HashMap<(i64, i64), [Value; 5]> = HashMap::new();

    for (commit, offset) in commits.iter().zip(offsets) {
        let Some(append) = &commit.append else { continue };
        let room = append.room.nid.0;
        let last_live = append.events.iter().rposition(|event| event.kind == EntryKind::Live);
        let last_live = last_live.map(|index| offset + 1 + index as i64);
        match by_room.get(&room) {
            Some(index) => {
                heads[*index].last = append;
                heads[*index].last_live = last_live.or(heads[*index].last_live);
            }
            None => {
                by_room.insert(room, heads.len());
                heads.push(HeadMove { expected: append.expected.map(|head| head.0), last: append, last_live });
            }
        }
        for (position, event) in (offset + 1..).zip(&append.events) {
            let (key, replaces) = match &event.state_key {
                Some((key, _, replaces)) => (Some(key.0), replaces.map(|event| event.0)),
                None => (None, None),
            };
            rows.events.extend(crate::values![
                event.nid.0,
                &*event.event_id,
                room,
                event.place.0,
                position,
                event.kind.to_i64(),
                event.depth,
                event.origin_server_ts,
                event.sender.0.0,
                key,
                replaces,
                event.state.0,
                event.interest.0,
                event.redacted_by.map(|by| by.0),
                event.quiet,
                pdu::encode(&event.json),
            ]);
            rows.edges.extend(event.auth_events.iter().flat_map(|auth| [event.nid.0.into(), auth.0.into()]));
            if let Some((member, membership)) = &event.membership {
                let row = [member.0.into(), room.into(), (&**membership).into(), event.nid.0.into(), position.into()];
                memberships.insert((member.0, room), row);
            }
            if let Some(relation) = &event.relation {
                rows.relations.extend(crate::values![
                    relation.target.as_str(),
                    relation.rel_type.as_str(),
                    event.nid.0,
                    room,
                    &*event.event_type,
                    event.sender.0.0,
                    relation.key.as_deref(),
                ]);
            }
        }
        rows.states.extend(append.states.iter().flat_map(|(nid, state)| [nid.0.into(), state.clone().into()]));
        rows.nodes.extend(append.nodes.iter().flat_map(|(nid, node)| [(*nid).into(), node.clone().into()]));
        for redacted in &append.redactions {
            rows.redactions.extend(crate::values![redacted.target.0, redacted.by.0, pdu::encode(&redacted.json)]);
            rows.unrelated.push(redacted.target.0.into());
        }
        if let Some(txn) = &append.transaction {
            let row = crate::values![txn.sender.0, &*txn.device, room, &*txn.txn_id, txn.event.0, txn.ts];
            rows.transactions.extend(row);
        }
    }

    for head in heads {
        let append = head.last;
        let room = append.room.nid.0;
        let extremities: Vec<u8> = append.extremities.iter().flat_map(|event| event.0.to_le_bytes()).collect();
        match head.expected {
            Some(expected) => rows.heads.extend(crate::values![room, expected]),
            None => rows.rooms.extend(crate::values![room, &*append.room.room_id, &*append.room.version]),
        }
        let to = if head.expected.is_some() { &mut rows.heads } else { &mut rows.rooms };
        to.extend(crate::values![
            append.new_head().0,
            extremities,
            append.depth,
            append.place.0,
            head.last_live,
            append.state.0,
        ]);
    }
    rows.memberships = memberships.into_values().flatten().collect();
    let mut rows = rows.finish();
    rows.extend(single_rows(commits));
    rows
}

/// Rows that members' statements are: of those under one key, the last of the highest version.
fn single_rows(commits: &[&Commit]) -> impl Iterator<Item = Rows> {
    let mut tables: Vec<(&'static Table, BTreeMap<i64, &[Value]>)> = Vec::new();
    for statement in commits.iter().flat_map(|commit| &commit.statements) {
        let (Some(table), [Value::Int(key), version, ..]) = (statement.table, &statement.args[..]) else { continue };
        let index = tables.iter().position(|(known, _)| std::ptr::eq(*known, table)).unwrap_or_else(|| {
            tables.push((table, BTreeMap::new()));
            tables.len() - 1
        });
        let row = tables[index].1.entry(*key).or_insert(&statement.args);
        if matches!((&row[1], version), (Value::Int(known), Value::Int(new)) if known <= new) {
            *row = &statement.args;
        }
    }
    tables.into_iter().map(|(table, rows)| Rows { table, values: rows.into_values().flatten().cloned().collect() })
}

#[derive(Default)]
struct Builder {
    heads: Vec<Value>,
    rooms: Vec<Value>,
    events: Vec<Value>,
    states: Vec<Value>,
    nodes: Vec<Value>,
    memberships: Vec<Value>,
    edges: Vec<Value>,
    relations: Vec<Value>,
    redactions: Vec<Value>,
    unrelated: Vec<Value>,
    transactions: Vec<Value>,
}

impl Builder {
    fn finish(self) -> Vec<Rows> {
        let all = [
            (&HEADS, self.heads),
            (&ROOMS, self.rooms),
            (&EVENTS, self.events),
            (&STATES, self.states),
            (&NODES, self.nodes),
            (&MEMBERSHIPS, self.memberships),
            (&EDGES, self.edges),
            (&RELATIONS, self.relations),
            (&REDACTIONS, self.redactions),
            (&UNRELATED, self.unrelated),
            (&TRANSACTIONS, self.transactions),
        ];
        all.into_iter().filter(|(_, values)| !values.is_empty()).map(|(table, values)| Rows { table, values }).collect()
    }
}
