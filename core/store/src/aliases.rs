//! Aliases of rooms on this server.

use crate::{Row, Statement, Store, StoreError, Value, values};

const GET: &str = "select alias, room_id, creator from aliases where alias = $1";
const OF_ROOM: &str = "select alias, room_id, creator from aliases where room_id = $1 order by alias";
const PUT: &str = "insert into aliases (alias, room_id, creator) values ($1, $2, $3) on conflict do nothing";
const MOVE: &str = "update aliases set room_id = $1 where room_id = $2";
const DELETE: &str = "delete from aliases where alias = $1";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[GET, OF_ROOM, PUT, MOVE, DELETE];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasRow {
    pub alias: String,
    pub room_id: String,
    pub creator: String,
}

impl Store {
    pub async fn alias(&self, alias: &str) -> Result<Option<AliasRow>, StoreError> {
        self.fetch_optional(GET, values![alias]).await?.as_ref().map(AliasRow::read).transpose()
    }

    pub async fn aliases_of_room(&self, room_id: &str) -> Result<Vec<AliasRow>, StoreError> {
        self.fetch(OF_ROOM, values![room_id]).await?.iter().map(AliasRow::read).collect()
    }
}

/// The label of a lost [`put_alias`].
pub const ALIAS_TAKEN: &str = "alias";

/// Refuses the commit when the alias is there already.
pub fn put_alias(alias: &str, room_id: &str, creator: &str) -> Statement {
    Statement::new(PUT, values![alias, room_id, creator]).or_lose(ALIAS_TAKEN)
}

/// The same for the room that the commit makes.
pub fn put_alias_of_new_room(alias: &str, creator: &str) -> Statement {
    Statement::new(PUT, vec![alias.into(), Value::RoomId, creator.into()]).or_lose(ALIAS_TAKEN)
}

/// All aliases of a room, to the room that the commit makes.
pub fn move_aliases_to_new_room(room_id: &str) -> Statement {
    Statement::new(MOVE, vec![Value::RoomId, room_id.into()])
}

/// The same to a room that is there.
pub fn move_aliases(room_id: &str, to: &str) -> Statement {
    Statement::new(MOVE, values![to, room_id])
}

pub fn delete_alias(alias: &str) -> Statement {
    Statement::new(DELETE, values![alias])
}

impl AliasRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { alias: row.get(0)?, room_id: row.get(1)?, creator: row.get(2)? })
    }
}
