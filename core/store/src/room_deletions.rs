//! Deletions of rooms, as admins asked for them: a row each, so that one that was begun goes on after a restart.

use crate::{Commit, CommitError, Position, RoomNid, Row, Statement, Store, StoreError, Value, values};

const INSERT: &str = "insert into room_deletions (id, room_id, room, wanted, position, begun, outcome, status) \
    select $1, $2, cast($3 as bigint), $4, cast($5 as bigint), cast($6 as bigint), '{}', 'active' \
    where not exists (select 1 from room_deletions where room_id = $7 and status = 'active')";
const BY_ID: &str = "select id, room_id, room, wanted, position, begun, new_room_id, outcome, status, error \
    from room_deletions where id = $1";
const OF_ROOM: &str = "select id, room_id, room, wanted, position, begun, new_room_id, outcome, status, error \
    from room_deletions where room_id = $1 order by begun, id";
const ACTIVE: &str = "select id, room_id, room, wanted, position, begun, new_room_id, outcome, status, error \
    from room_deletions where status = 'active' order by begun, id";
const SET_NEW_ROOM: &str = "update room_deletions set new_room_id = $1 where id = $2 and new_room_id is null";
const SET_OUTCOME: &str = "update room_deletions set outcome = $1 where id = $2";
const END: &str = "update room_deletions set status = $1, error = $2 where id = $3";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[INSERT, BY_ID, OF_ROOM, ACTIVE, SET_NEW_ROOM, SET_OUTCOME, END];

/// The label of a deletion that is refused because one of the same room is under way.
pub const ROOM_DELETION: &str = "room deletion";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomDeletion {
    pub id: String,
    pub room_id: String,
    /// none: there was no such room, it is only blocked
    pub room: Option<RoomNid>,
    /// JSON
    pub wanted: String,
    /// the log's, when it was asked for
    pub position: Position,
    /// milliseconds since the Unix epoch
    pub begun: i64,
    pub new_room_id: Option<String>,
    /// JSON
    pub outcome: String,
    pub ended: Option<Result<(), String>>,
}

impl Store {
    /// Loses under [`ROOM_DELETION`] while another of the room is under way.
    pub async fn begin_room_deletion(&self, deletion: &RoomDeletion) -> Result<(), CommitError> {
        let args = values![
            deletion.id.as_str(),
            deletion.room_id.as_str(),
            deletion.room.map(|room| room.0),
            deletion.wanted.as_str(),
            deletion.position.0,
            deletion.begun,
            deletion.room_id.as_str(),
        ];
        self.commit(Commit::of(vec![Statement::new(INSERT, args).or_lose(ROOM_DELETION)])).await.map(drop)
    }

    pub async fn room_deletion(&self, id: &str) -> Result<Option<RoomDeletion>, StoreError> {
        self.fetch_optional(BY_ID, values![id]).await?.as_ref().map(RoomDeletion::read).transpose()
    }

    /// The oldest first.
    pub async fn room_deletions_of(&self, room_id: &str) -> Result<Vec<RoomDeletion>, StoreError> {
        self.fetch(OF_ROOM, values![room_id]).await?.iter().map(RoomDeletion::read).collect()
    }

    /// Those under way, the oldest first.
    pub async fn active_room_deletions(&self) -> Result<Vec<RoomDeletion>, StoreError> {
        self.fetch(ACTIVE, vec![]).await?.iter().map(RoomDeletion::read).collect()
    }
}

/// The room that the commit makes is where the members come into; refuses the commit when there is one.
pub fn set_new_room_of_deletion(id: &str) -> Statement {
    Statement::new(SET_NEW_ROOM, vec![Value::RoomId, id.into()]).or_lose(ROOM_DELETION)
}

/// `outcome` is JSON.
pub fn set_outcome_of_deletion(id: &str, outcome: &str) -> Statement {
    Statement::new(SET_OUTCOME, values![outcome, id])
}

pub fn end_room_deletion(id: &str, error: Option<&str>) -> Statement {
    let status = if error.is_some() { "failed" } else { "complete" };
    Statement::new(END, values![status, error, id])
}

impl RoomDeletion {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let (status, error): (String, Option<String>) = (row.get(8)?, row.get(9)?);
        let ended = match status.as_str() {
            "active" => None,
            "complete" => Some(Ok(())),
            _ => Some(Err(error.unwrap_or_default())),
        };
        Ok(Self {
            id: row.get(0)?,
            room_id: row.get(1)?,
            room: row.get::<Option<i64>>(2)?.map(RoomNid),
            wanted: row.get(3)?,
            position: Position(row.get(4)?),
            begun: row.get(5)?,
            new_room_id: row.get(6)?,
            outcome: row.get(7)?,
            ended,
        })
    }
}
