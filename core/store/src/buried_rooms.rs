//! Taking a whole room out. It is buried in one commit: from then on there is no such room. Then its rows go, some at a
//! time. What stays until the end is that they are out of it, for those who may still have to be told.

use crate::listed::{Listed, listed};
use crate::purge::{RELATIONS, TRANSACTIONS, WORDS, owed};
use crate::{
    Commit, CommitError, EventNid, Position, RoomFacts, RoomNid, StateNid, Statement, Store, StoreError, values,
};

const OWED: &str = concat!("select count(*) from events where room = $1 and exists ( ", owed!(), ")");
const BURY: &str = concat!(
    "update rooms set head = 0, extremities = $1, state = 0 where nid = $2 and head = $3 and not exists \
    (select 1 from events where events.room = rooms.nid and exists ( ",
    owed!(),
    "))"
);
/// Of those whom the deletion put out, users of appservices need not be told: they do not sync.
const MEMBERSHIPS: &str = "delete from memberships where room = $1 and (membership <> 'leave' or position <= $2 \
    or exists (select 1 from users u join accounts a on a.user_id = u.user_id \
    where u.nid = memberships.member and a.appservice is not null))";
const FORGOTTEN: &str = "delete from forgotten_rooms where room = $1";
const RECEIPTS: &str = "delete from receipts where room = $1";
const ALIASES: &str = "delete from aliases where room_id = $1";
const PUBLISHED: &str = "delete from published_rooms where room_id = $1";
const ACCOUNT_DATA: &str = "delete from account_data where room_id = $1";

const SOME_EVENTS: &str = "select nid, state from events where room = $1 order by place limit $2";
const EVENTS: Listed = listed!("delete from events where nid in ", "");
const AUTH_EDGES: Listed = listed!("delete from auth_edges where event in ", "");
const SOME_STATES: Listed = listed!("select nid, state from states where nid in ", "");
const STATES: Listed = listed!("delete from states where nid in ", "");
const SOME_NODES: Listed = listed!("select nid, node from state_nodes where nid in ", "");
const NODES: Listed = listed!("delete from state_nodes where nid in ", "");
const ROW: &str = "delete from rooms where nid = $1 and head = 0 and not exists \
    (select 1 from memberships where memberships.room = rooms.nid)";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[OWED, BURY];
#[cfg(test)]
pub(crate) const LISTED: &[Listed] = &[EVENTS, AUTH_EDGES, SOME_STATES, STATES, SOME_NODES, NODES];

/// The label of a burial that is refused: the room has gone on, or a destination still has to take something of it.
pub const BURIAL: &str = "burial";

impl Store {
    /// Events of a room that destinations still have to take.
    pub async fn owed_of_room(&self, room: RoomNid) -> Result<u64, StoreError> {
        let row = self.fetch_optional(OWED, values![room.0]).await?;
        row.map_or(Ok(0), |row| Ok(row.get::<i64>(0)?.unsigned_abs()))
    }

    /// Of a buried room: some of the events that are left, with the states after them.
    pub async fn events_of_buried_room(
        &self,
        room: RoomNid,
        limit: usize,
    ) -> Result<Vec<(EventNid, StateNid)>, StoreError> {
        let rows = self.fetch(SOME_EVENTS, values![room.0, limit as i64]).await?;
        rows.iter().map(|row| Ok((EventNid(row.get(0)?), StateNid(row.get(1)?)))).collect()
    }

    /// Those of the states that are left, as the kernel encoded them.
    pub async fn states_left(&self, states: impl IntoIterator<Item = StateNid>) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = self.fetch_listed(&SOME_STATES, states.into_iter().map(|state| state.0)).await?;
        rows.iter().map(|row| row.get(1)).collect()
    }

    /// Those of the nodes that are left, with their numbers, as the kernel encoded them.
    pub async fn nodes_left(&self, nodes: &[u64]) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let rows = self.fetch_listed(&SOME_NODES, nodes.iter().map(|node| *node as i64)).await?;
        rows.iter().map(|row| Ok((row.get::<i64>(0)?.cast_unsigned(), row.get(1)?))).collect()
    }

    /// Deletes these events of a buried room with all that belongs to them.
    pub async fn delete_buried(
        &self,
        events: &[EventNid],
        states: &[StateNid],
        nodes: &[u64],
    ) -> Result<(), CommitError> {
        let events: Vec<i64> = events.iter().map(|event| event.0).collect();
        let states: Vec<i64> = states.iter().map(|state| state.0).collect();
        let nodes: Vec<i64> = nodes.iter().map(|node| node.cast_signed()).collect();
        let of_events = [EVENTS, AUTH_EDGES, RELATIONS, TRANSACTIONS, WORDS].map(|query| self.listed(&query, &events));
        let of_states = [self.listed(&STATES, &states), self.listed(&NODES, &nodes)];
        self.commit(Commit::of(of_events.into_iter().chain(of_states).collect())).await.map(drop)
    }

    /// Whatever is left of a buried room's row goes, unless somebody has to be told.
    pub async fn delete_buried_room(&self, room: RoomNid) -> Result<(), CommitError> {
        self.commit(Commit::of(vec![Statement::new(ROW, values![room.0])])).await.map(drop)
    }
}

/// There is no such room any more. Loses under [`BURIAL`] when its head is another one, or when a destination still has to
/// take something. `since`: who was put out after this position is told so.
pub fn bury_room(room: &RoomFacts, head: EventNid, since: Position) -> Vec<Statement> {
    let (nid, room_id) = (room.nid.0, &*room.room_id);
    vec![
        Statement::new(BURY, values![Vec::<u8>::new(), nid, head.0]).or_lose(BURIAL),
        Statement::new(MEMBERSHIPS, values![nid, since.0]),
        Statement::new(FORGOTTEN, values![nid]),
        Statement::new(RECEIPTS, values![nid]),
        Statement::new(ALIASES, values![room_id]),
        Statement::new(PUBLISHED, values![room_id]),
        Statement::new(ACCOUNT_DATA, values![room_id]),
    ]
}
