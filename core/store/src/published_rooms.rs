//! Which rooms the directory shows. Network `""` is the server's own list.

use crate::{Statement, Store, StoreError, Value, values};

const LIST: &str = "select room_id from published_rooms where network = $1 order by room_id";
const LIST_ALL: &str = "select distinct room_id from published_rooms order by room_id";
const GET: &str = "select room_id from published_rooms where network = $1 and room_id = $2";
const PUT: &str = "insert into published_rooms (network, room_id) values ($1, $2) on conflict do nothing";
const DELETE: &str = "delete from published_rooms where network = $1 and room_id = $2";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[LIST, LIST_ALL, GET, PUT, DELETE];

impl Store {
    /// Of one network, or of all.
    pub async fn published_rooms(&self, network: Option<&str>) -> Result<Vec<String>, StoreError> {
        let rows = match network {
            Some(network) => self.fetch(LIST, values![network]).await?,
            None => self.fetch(LIST_ALL, vec![]).await?,
        };
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub async fn is_published(&self, network: &str, room_id: &str) -> Result<bool, StoreError> {
        Ok(self.fetch_optional(GET, values![network, room_id]).await?.is_some())
    }
}

pub fn publish_room(network: &str, room_id: &str) -> Statement {
    Statement::new(PUT, values![network, room_id])
}

/// The same for the room that the commit makes.
pub fn publish_new_room(network: &str) -> Statement {
    Statement::new(PUT, vec![network.into(), Value::RoomId])
}

/// A room's places in all lists, to the room that the commit makes.
pub fn move_publication_to_new_room(room_id: &str) -> Statement {
    Statement::new("update published_rooms set room_id = $1 where room_id = $2", vec![Value::RoomId, room_id.into()])
}

pub fn unpublish_room(network: &str, room_id: &str) -> Statement {
    Statement::new(DELETE, values![network, room_id])
}
